import { basename } from "node:path/posix";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Base } from "./base-run.ts";
import { baselineOf, knownBase, type OnBase } from "./baseline.ts";
import { tellFlake } from "./flakes.ts";
import { type GateResult, measure } from "./gates.ts";
import { tellRerun } from "./phase.ts";

/** What is made of a red gate. */
export interface Verdict {
  readonly name: string;
  /** `new`: the change's, and so the agent's. Nothing else is billed to it. */
  readonly verdict: "new" | "before" | "flaky" | "quarantined";
  readonly base: OnBase["status"];
  /** In words for people and agents. */
  readonly detail: string;
  /** Of one that is flaky: the run that passed. */
  readonly again?: GateResult;
}

/** How the red gates of one round are judged. */
export interface Judging {
  readonly base: Base;
  readonly round: number;
  /** The paths that the change touches; undefined where nobody can say. */
  changed(): Promise<readonly string[] | undefined>;
  /** Failures that were red again in an earlier round: they are not run again. */
  readonly seen: Set<string>;
  /** Whether the job is to mend what was red before: then that is the agent's too. */
  readonly mends?: boolean;
  /** Whether a quarantined failure is run again too: where a green run counts for more than an excuse. */
  readonly insists?: boolean;
}

/** Says of each red gate whether the change is to blame for it, and tells of it. Once in a round. */
export async function judgeReds(context: AttemptContext, sandbox: Sandbox, judging: Judging, results: readonly GateResult[]): Promise<Verdict[]> {
  const red = results.filter(({ passed }) => !passed);
  for (const { name, gone } of results) if (gone) await tellFlake(context, name, gone);
  if (red.length === 0) return [];
  const { round, seen } = judging;
  const verdicts = await context.journal.step(`verdicts-${round}`, () => judgeAll(context, sandbox, judging, { red, results }));
  for (const { name, verdict, base, detail } of verdicts) {
    await context.events.emitOnce(`verdict-${round}-${name}`, { kind: "gate-verdict", data: { name, round, verdict, base, detail: detail.slice(0, 1_000) } });
  }
  for (const { failureDigest } of red) seen.add(failureDigest);
  return verdicts;
}

async function judgeAll(
  context: AttemptContext,
  sandbox: Sandbox,
  judging: Judging,
  { red, results }: { readonly red: readonly GateResult[]; readonly results: readonly GateResult[] },
): Promise<Verdict[]> {
  const { base, insists = false } = judging;
  const { quarantined } = await knownBase(context, base);
  const isQuarantined = ({ name, silent, failureDigest }: GateResult): boolean =>
    !silent && quarantined.some((one) => one.gate === name && one.failureDigest === failureDigest);
  const asked = red.filter((result) => !isQuarantined(result));
  const { round } = judging;
  const question = { key: `base-${round}`, step: `verdicts-${round}`, asks: "ending" } as const;
  const wanted = asked.map(({ name }) => name);
  const onBase =
    wanted.length === 0 ? new Map<string, OnBase>() : await baselineOf(context, base, { wanted, ran: new Set(results.map(({ name }) => name)), ...question });
  const verdicts: Verdict[] = [];
  for (const result of red) {
    const { name } = result;
    if (isQuarantined(result)) {
      const again = insists ? await runAgain(context, sandbox, judging, result) : undefined;
      const detail = "this failure comes and goes; `slipway gates` lists it";
      verdicts.push(again?.passed ? flaky(name, "unknown", again) : { name, verdict: "quarantined", base: "unknown", detail });
    } else verdicts.push(await judgeOne(context, sandbox, judging, { result, found: onBase.get(name) ?? { status: "unknown", why: "nobody asked" } }));
  }
  return verdicts;
}

async function judgeOne(
  context: AttemptContext,
  sandbox: Sandbox,
  judging: Judging,
  { result, found }: { readonly result: GateResult; readonly found: OnBase },
): Promise<Verdict> {
  const { name, failureDigest, silent } = result;
  const billed = (detail: string): Verdict => ({ name, verdict: "new", base: found.status, detail });
  if (found.status === "unknown") return billed(`whether it was red before is not known: ${found.why}`);
  if (found.status === "red") {
    if (silent) return billed("it fails on the base too, without a word by which the two failures could be told apart");
    if (found.failureDigest !== failureDigest) return billed("it fails on the base too, but with another failure");
    if (judging.mends) return billed("it fails on the base too, with the same failure, which this job is to mend");
    return { name, verdict: "before", base: "red", detail: "it fails on the base too, with the same failure" };
  }
  if (judging.seen.has(failureDigest) || explains(await judging.changed(), result)) return billed("it passes on the base");
  const again = await runAgain(context, sandbox, judging, result);
  if (!again?.passed) return billed("it passes on the base");
  if (!silent) await tellFlake(context, name, result);
  return flaky(name, "green", again);
}

function flaky(name: string, base: OnBase["status"], again: GateResult): Verdict {
  return { name, verdict: "flaky", base, detail: "it passed when it was run again on the same files", again };
}

/** A failure whose output names a file of the change needs no second look. */
function explains(changed: readonly string[] | undefined, { excerpt }: GateResult): boolean {
  return changed?.some((path) => excerpt.includes(basename(path))) ?? false;
}

/** Undefined where there is no time for it. */
async function runAgain(
  context: AttemptContext,
  sandbox: Sandbox,
  { base, round }: Judging,
  { name, failureDigest }: GateResult,
): Promise<GateResult | undefined> {
  const { config, deadline } = base;
  const gate = config.gates.find((one) => one.name === name);
  if (!gate || deadline.turnMs() < 1_000) return undefined;
  const timeoutMs = (): number => Math.max(1, Math.floor(Math.min(gate.timeoutSeconds * 1_000, deadline.turnMs())));
  const key = `gate-${round}-${name}-again`;
  await tellRerun(context, key, key, `the gate ${name} again`);
  const text = `The gate ${name} runs again on the same files, to see whether its failure comes and goes.`;
  await context.events.emitOnce(`${key}:started`, { kind: "notice", data: { level: "info", text } });
  const result = await context.journal.step(key, () =>
    measure(context, sandbox, { gate: { ...gate, retries: 0 }, round, egress: config.egress.gates, aside: "again" }, timeoutMs),
  );
  return result.passed ? { ...result, flaky: true, gone: { failureDigest, excerpt: "" } } : result;
}
