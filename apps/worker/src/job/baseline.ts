import { treeOf } from "@slipway/git/hub";
import { withLock } from "@slipway/git/lock";
import type { Baselines, GateBaseline } from "@slipway/protocol/baseline";
import { SlipwayError } from "@slipway/protocol/errors";
import type { LineCoverage } from "@slipway/protocol/events";
import { gateCommand } from "@slipway/protocol/gates";
import { setupDigest } from "@slipway/protocol/setup-digest";
import type { AttemptContext } from "../attempt/context.ts";
import { environmentOf } from "../sandbox/environment.ts";
import { type Base, runOnBase } from "./base-run.ts";
import { tellFlake } from "./flakes.ts";
import type { GateResult } from "./gates.ts";
import { tellRerun } from "./phase.ts";
import { exitCodeOf } from "./receipt.ts";
import { whileUnreachable } from "./retry.ts";

/** How a gate ends on the base. */
export type OnBase =
  | { readonly status: "green"; readonly coverage?: LineCoverage | undefined }
  /** The signature is empty where the failure said nothing. */
  | { readonly status: "red"; readonly failureDigest: string; readonly coverage?: LineCoverage | undefined }
  | { readonly status: "unknown"; readonly why: string };

/** Of the time that is left for further turns so much may go to runs on the base. */
const SHARE = 0.5;
/** With less than this nothing is started. */
const LEAST_MS = 500;

/** What the server knows of the base, by the keys of this attempt. */
export interface KnownBase {
  readonly tree: string;
  readonly quarantined: Baselines["quarantined"];
  of(gate: string): OnBase | undefined;
}

/** Asks the server. The commit must be here. */
export async function knownBase(context: AttemptContext, { repository, source, config }: Base): Promise<KnownBase> {
  const { claim, client, signal, provider, toolchains } = context;
  const tree = await treeOf(repository.dir, source.oid);
  const params = { job: claim.job.id, fence: claim.fence };
  const { baselines, quarantined } = await whileUnreachable(signal, () => client.call("baselines", { params, query: { tree }, signal }));
  const { image, digest } = environmentOf(provider, toolchains);
  const setup = setupDigest(config);
  const fitting = baselines.filter((one) => one.setupDigest === setup && one.image === image && one.environmentDigest === digest);
  const of = (name: string): OnBase | undefined => {
    const gate = config.gates.find((one) => one.name === name);
    const found = gate ? fitting.filter((one) => one.gate === name && one.command === gateCommand(gate)) : [];
    // Of one that was red once and green once on the same files, the green one counts.
    const coverage = found.find((one) => one.coverage !== undefined)?.coverage;
    if (found.some(({ exitCode }) => exitCode === 0)) return { status: "green", coverage };
    return found[0] && { status: "red", failureDigest: found[0].failureDigest, coverage };
  };
  return { tree, quarantined, of };
}

/** What is asked of the base. */
export interface BaseQuestion {
  readonly wanted: readonly string[];
  /** Gates that ran on the change: no other is run before a wanted one. */
  readonly ran: ReadonlySet<string>;
  /** Of the events that tell of a run. */
  readonly key: string;
  /** The journal's step in which it is asked. */
  readonly step: string;
  /** Whether it is how the gates end, or how much of the code they run too. */
  readonly asks: "ending" | "coverage";
}

/**
 * How gates end on the base: what the server knows, else they are run there, and the server is told. Jobs of this worker that want to know the same wait for
 * one another. Never fails for what cannot be found out: that is `unknown`, with the reason.
 */
export async function baselineOf(context: AttemptContext, base: Base, { wanted, ran, key, step, asks }: BaseQuestion): Promise<Map<string, OnBase>> {
  const found = new Map<string, OnBase>();
  const takeKnown = (known: KnownBase): string[] => {
    for (const name of wanted) {
      const one = known.of(name);
      const isAnswer = one !== undefined && (asks === "ending" || (one.status !== "unknown" && one.coverage !== undefined));
      found.set(name, isAnswer ? one : { status: "unknown", why: "it was not run there" });
    }
    return wanted.filter((name) => found.get(name)?.status === "unknown");
  };
  const known = await knownBase(context, base);
  if (takeKnown(known).length === 0) return found;
  const limitMs = Math.floor(base.deadline.turnMs() * SHARE);
  const unknown = (why: string): Map<string, OnBase> => {
    for (const name of wanted) if (found.get(name)?.status === "unknown") found.set(name, { status: "unknown", why });
    return found;
  };
  if (limitMs < LEAST_MS) return unknown("there was no time to run it there");
  const limit = AbortSignal.timeout(limitMs);
  const look = async (): Promise<Map<string, OnBase>> => {
    // The job before has told the server what it found.
    const open = takeKnown(await knownBase(context, base));
    if (open.length === 0) return found;
    const question =
      asks === "ending" ? `Whether ${open.join(", ")} ${open.length === 1 ? "was" : "were"} red` : `How much of the code ${open.join(", ")} covered`;
    const text = `${question} before this job is not known: now ${open.length === 1 ? "it runs" : "they run"} on the base.`;
    await tellRerun(context, key, step, "a gate on the base");
    await context.events.emitOnce(`${key}:started`, { kind: "notice", data: { level: "info", text: text.slice(0, 10_000) } });
    const results = await runOnBase(context, base, { wanted: new Set(open), ran, limitMs });
    await tellServer(context, known.tree, base, results);
    for (const result of results) if (found.has(result.name)) found.set(result.name, ofResult(result));
    return unknown("it did not end there in time, or what it needs is red there");
  };
  try {
    return await withLock(`base ${base.repository.dir} ${known.tree}`, look, AbortSignal.any([context.signal, limit]));
  } catch (error) {
    context.signal.throwIfAborted();
    if (limit.aborted && error === limit.reason) return unknown("another job was running it there, and did not end in time");
    if (!(error instanceof SlipwayError) || error.code === "LEASE_LOST" || error.code === "INTERNAL") throw error;
    return unknown(`it could not be run there (${error.code}): ${error.message}`.slice(0, 900));
  }
}

function ofResult(result: GateResult): OnBase {
  const { passed, silent, failureDigest, coverage } = result;
  return passed ? { status: "green", coverage } : { status: "red", failureDigest: silent ? "" : failureDigest, coverage };
}

async function tellServer(context: AttemptContext, tree: string, { config }: Base, results: readonly GateResult[]): Promise<void> {
  const { claim, client, signal, provider, toolchains } = context;
  const { image, digest } = environmentOf(provider, toolchains);
  const baselines = results.map(
    (result): GateBaseline => ({
      ...{ tree, gate: result.name, command: result.command, setupDigest: setupDigest(config), image, environmentDigest: digest },
      exitCode: exitCodeOf(result),
      failureDigest: result.passed || result.silent ? "" : result.failureDigest,
      durationMs: result.durationMs,
      ...(result.coverage ? { coverage: result.coverage } : {}),
    }),
  );
  const params = { job: claim.job.id, fence: claim.fence };
  if (baselines.length > 0) await whileUnreachable(signal, () => client.call("recordBaselines", { params, body: { baselines }, signal }));
  for (const { name, gone } of results) if (gone) await tellFlake(context, name, gone);
}
