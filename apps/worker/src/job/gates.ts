import { createHash } from "node:crypto";
import type { SlipwayError } from "@slipway/protocol/errors";
import type { LineCoverage } from "@slipway/protocol/events";
import { concernedGates, type Gate, gateCommand, hasPathFilter } from "@slipway/protocol/gates";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import { readRun } from "../gate-output/read-run.ts";
import type { RunSummary } from "../gate-output/run-summary.ts";
import { failureExcerpt, type ToldRun, toldRun } from "../gate-output/told-run.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { storeArtifact, wholeOutput } from "./artifact.ts";
import { changedInWorkspace } from "./changed-paths.ts";
import { type LoggedResult, runLogged } from "./command.ts";
import { expectCommit } from "./commit.ts";
import type { Deadline } from "./deadline.ts";
import { failureDigest } from "./failure-digest.ts";
import { inGateOrder } from "./gate-order.ts";
import { readTestReport, takeReport, withoutOldReports } from "./gate-reports.ts";
import { commandOutOfMemory } from "./out-of-memory.ts";
import { commandOutOfProcesses } from "./out-of-processes.ts";
import { pathMatcher } from "./path-globs.ts";
import { inPhase, type Parts, tellRerun } from "./phase.ts";
import { plainText } from "./plain-text.ts";

/** How a gate ended, as the journal keeps it: the whole output is an artifact. */
export interface GateResult {
  readonly name: string;
  readonly command: string;
  readonly passed: boolean;
  /** Null where it ran out of time. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** Of all its runs together. */
  readonly durationMs: number;
  /** It failed first, and passed when it was run again. */
  readonly flaky?: boolean;
  readonly artifact: string;
  /**
   * SHA-256 of the output as the artifact has it, secrets masked: so a receipt can be held against its artifact, stays the same when a secret is replaced, and
   * gives nobody a digest to try guesses on.
   */
  readonly outputDigest: string;
  /** Same for the same failure, times and addresses aside; empty where it passed. */
  readonly failureDigest: string;
  /** It failed without a word: then its failure cannot be told from another one. */
  readonly silent?: boolean;
  /** Of one that is flaky: the failure that was gone. */
  readonly gone?: Gone;
  /** What the test runners in its output said, where they are known. */
  readonly tests?: ToldRun;
  /** What its report told of all lines, where it has one. */
  readonly coverage?: LineCoverage;
  /** The output compacted, at most 8 KiB; empty where it passed. */
  readonly excerpt: string;
}

/** A failure that was not there any more when the gate ran again. */
interface Gone {
  readonly failureDigest: string;
  readonly excerpt: string;
}

type GatesConfig = Pick<RepositoryConfig, "gates" | "egress">;

/** One run of a gate. */
export interface GateRun {
  readonly gate: Gate;
  readonly round: number;
  /** Hosts that it may reach. */
  readonly egress: readonly string[];
  /** Why it runs beside the rounds: on the base, or again on the same files. */
  readonly aside?: "base" | "again";
}

/**
 * Runs all gates that need no red one and that the change concerns: the agent should hear of everything at once. What comes after them is started beside the
 * last one.
 */
export async function runGates(
  context: AttemptContext,
  sandbox: Sandbox,
  { gates, egress }: GatesConfig,
  round: number,
  deadline: Deadline,
): Promise<GateResult[]> {
  if (gates.length === 0) return [];
  const run = async (parts: Parts): Promise<GateResult[]> => {
    const concerned = await gatesOfChange(context, sandbox, gates, round);
    let left = concerned.length;
    const one = async (gate: Gate): Promise<GateResult> => {
      const index = gates.findIndex(({ name }) => name === gate.name);
      left -= 1;
      if (left > 0) sandbox.expect?.(GATE_SHAPE);
      // A folder that cannot be made is met again, and told, by the commit.
      const ahead = left === 0 ? expectCommit(context, sandbox).catch(() => undefined) : undefined;
      const result = await runGate(context, sandbox, { gate, round, egress: egress.gates }, () => deadline.gateMs(index));
      await ahead;
      return result;
    };
    const { results, skipped } = await inGateOrder(concerned, { run: one, passed: ({ passed }) => passed });
    for (const { gate, because } of skipped) {
      await context.events.emitOnce(`gate-${round}-${gate.name}:skipped`, { kind: "gate", data: { name: gate.name, status: "skipped", round, because } });
    }
    for (const { durationMs } of results) parts.add("commands", durationMs);
    return [...results];
  };
  return await inPhase(context, "gates", `gates-${round}`, run, { detailOf: describeRound });
}

/** Tells of those that no changed path concerns. Which paths changed is what the sandbox says: the verify job asks git's objects. */
async function gatesOfChange(context: AttemptContext, sandbox: Sandbox, gates: readonly Gate[], round: number): Promise<readonly Gate[]> {
  if (!gates.some(hasPathFilter)) return gates;
  const changed = await context.journal.step(`gates-${round}:paths`, async () => (await changedInWorkspace(context, sandbox)) ?? null);
  const concerned = concernedGates(gates, changed ?? undefined, pathMatcher);
  for (const { name } of gates) {
    if (concerned.some((gate) => gate.name === name)) continue;
    await context.events.emitOnce(`gate-${round}-${name}:skipped`, { kind: "gate", data: { name, status: "skipped", round, unconcerned: true } });
  }
  return concerned;
}

/** Network and mounts of a gate's one-shot. */
export const GATE_SHAPE = { network: "none" } as const;

/** Runs one gate in a one-shot of the sandbox, once in this round. OUT_OF_MEMORY or PROCESS_LIMIT in a verify job, whose receipts are to tell of the code alone. */
export async function runGate(context: AttemptContext, sandbox: Sandbox, run: GateRun, timeoutMs: () => number): Promise<GateResult> {
  const { gate, round } = run;
  const key = `gate-${round}-${gate.name}`;
  await tellRerun(context, key, key, `the gate ${gate.name}`);
  await context.events.emitOnce(`${key}:started`, { kind: "gate", data: { name: gate.name, status: "started", round } });
  const result = await context.journal.step(key, () => measure(context, sandbox, run, timeoutMs));
  const { exitCode, durationMs, artifact, flaky, tests } = result;
  const status = result.passed ? "passed" : result.timedOut ? "timed-out" : "failed";
  await context.events.emitOnce(`${key}:ended`, {
    kind: "gate",
    data: { name: gate.name, status, round, exitCode, durationMs, artifact, ...(flaky ? { flaky } : {}), ...(tests ? { tests } : {}) },
  });
  return result;
}

/** Runs the command of a gate, and again as often as it may where it fails. */
export async function measure(context: AttemptContext, sandbox: Sandbox, run: GateRun, timeoutMs: () => number): Promise<GateResult> {
  const { gate, round, egress, aside } = run;
  const artifact = aside === "base" ? `base-${gate.name}.log` : `gate-${gate.name}-${round}${aside === "again" ? "-again" : ""}.log`;
  const stream = `${aside === "base" ? "base" : "gate"}:${gate.name}`;
  const command = gateCommand(gate);
  const reach = egress.length === 0 ? {} : { egress: { phase: "gates", hosts: egress } as const };
  const runs: LoggedResult[] = [];
  const said: Array<RunSummary | undefined> = [];
  let atLimit: SlipwayError | undefined;
  for (let again = gate.retries ?? 0; ; again -= 1) {
    const result = await runLogged(context, sandbox, {
      text: context.claim.verify || aside === "base" ? command : withoutOldReports(gate, command),
      stream,
      ...GATE_SHAPE,
      ...reach,
      timeoutMs: timeoutMs(),
    });
    runs.push(result);
    said.push((await readTestReport(context, sandbox, gate)) ?? readRun(result.output, sandbox.inside.workspace));
    atLimit = commandOutOfMemory(`The gate ${gate.name}`, result) ?? commandOutOfProcesses(`The gate ${gate.name}`, result);
    if (atLimit && (context.claim.verify || aside === "base")) throw atLimit;
    if (again <= 0 || isPassed(result)) break;
    context.events.log(stream, Buffer.from(againLine(runs.length)));
  }
  const coverage = await takeReport(context, sandbox, gate, aside !== "base" && !context.claim.verify);
  const last = runs.at(-1) as LoggedResult;
  const output = Buffer.concat(runs.flatMap(({ output: bytes }, index) => (index === 0 ? [bytes] : [Buffer.from(againLine(index)), bytes])));
  await storeArtifact(context, artifact, runs.length === 1 ? wholeOutput(last) : output);
  const passed = isPassed(last);
  const digestOf = ({ timedOut, exitCode: code, output: bytes }: LoggedResult, told: RunSummary | undefined): string => {
    const folders = [sandbox.inside.workspace, sandbox.inside.home];
    return failureDigest({ name: gate.name, exitCode: timedOut ? null : code, output: bytes, folders, tests: told });
  };
  // Again: without its terminal codes the text may show what they had torn apart.
  const excerptOf = (bytes: Uint8Array, told: RunSummary | undefined): string => context.masks.text(failureExcerpt(bytes, told));
  const goneOf = (run: LoggedResult, told: RunSummary | undefined): Gone => ({ failureDigest: digestOf(run, told), excerpt: excerptOf(run.output, told) });
  const exitCode = last.timedOut ? null : last.exitCode;
  const tests = said.at(-1);
  const told = atLimit ? Buffer.concat([last.output, Buffer.from(`\n[slipway: ${atLimit.message}]\n`)]) : last.output;
  return {
    name: gate.name,
    command,
    passed,
    exitCode,
    timedOut: last.timedOut,
    durationMs: runs.reduce((sum, { durationMs }) => sum + durationMs, 0),
    ...(passed && runs.length > 1 && runs[0] ? { flaky: true, gone: goneOf(runs[0], said[0]) } : {}),
    artifact,
    outputDigest: createHash("sha256").update(output).digest("hex"),
    failureDigest: passed ? "" : digestOf(last, tests),
    ...(passed || tests || plainText(last.output).trim() !== "" ? {} : { silent: true }),
    ...(tests ? { tests: toldRun(tests, context.masks) } : {}),
    ...(coverage ? { coverage } : {}),
    excerpt: passed ? "" : excerptOf(told, tests),
  };
}

function isPassed({ timedOut, exitCode }: LoggedResult): boolean {
  return !timedOut && exitCode === 0;
}

function againLine(count: number): string {
  return `[slipway: it failed ${count === 1 ? "once" : `${count} times`} and is run again]\n`;
}

function describeRound(results: readonly GateResult[]): string {
  const red = results.filter((result) => !result.passed).map((result) => result.name);
  return red.length === 0 ? `${results.length} passed` : `${red.length} of ${results.length} failed: ${red.join(", ")}`;
}
