import { createHash } from "node:crypto";
import type { Gate, RepositoryConfig } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { storeArtifact, wholeOutput } from "./artifact.ts";
import { runLogged } from "./command.ts";
import { expectCommit } from "./commit.ts";
import { compactOutput } from "./compact-output.ts";
import type { Deadline } from "./deadline.ts";
import { failureDigest } from "./failure-digest.ts";
import { commandOutOfMemory } from "./out-of-memory.ts";
import { commandOutOfProcesses } from "./out-of-processes.ts";
import { inPhase, type Parts, tellRerun } from "./phase.ts";

/** How a gate ended, as the journal keeps it: the whole output is an artifact. */
export interface GateResult {
  readonly name: string;
  readonly command: string;
  readonly passed: boolean;
  /** Null where it ran out of time. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly durationMs: number;
  readonly artifact: string;
  /**
   * SHA-256 of the output as the artifact has it, secrets masked: so a receipt can be held against its artifact, stays the same when a secret is replaced, and
   * gives nobody a digest to try guesses on.
   */
  readonly outputDigest: string;
  /** Same for the same failure, times and addresses aside; empty where it passed. */
  readonly failureDigest: string;
  /** The output compacted, at most 8 KiB; empty where it passed. */
  readonly excerpt: string;
}

type GatesConfig = Pick<RepositoryConfig, "gates" | "egress">;

/** One run of a gate. */
export interface GateRun {
  readonly gate: Gate;
  readonly round: number;
  /** Hosts that it may reach. */
  readonly egress: readonly string[];
}

/** Runs all gates, in their order, also after a red one: the agent should hear of everything at once. What comes after them is started beside the last one. */
export async function runGates(
  context: AttemptContext,
  sandbox: Sandbox,
  { gates, egress }: GatesConfig,
  round: number,
  deadline: Deadline,
): Promise<GateResult[]> {
  if (gates.length === 0) return [];
  const run = async (parts: Parts): Promise<GateResult[]> => {
    const results: GateResult[] = [];
    for (const [index, gate] of gates.entries()) {
      const isLast = index + 1 === gates.length;
      if (!isLast) sandbox.expect?.(GATE_SHAPE);
      // A folder that cannot be made is met again, and told, by the commit.
      const ahead = isLast ? expectCommit(context, sandbox).catch(() => undefined) : undefined;
      results.push(await runGate(context, sandbox, { gate, round, egress: egress.gates }, deadline.gateMs(index)));
      await ahead;
    }
    for (const { durationMs } of results) parts.add("commands", durationMs);
    return results;
  };
  return await inPhase(context, "gates", `gates-${round}`, run, { detailOf: describeRound });
}

/** Network and mounts of a gate's one-shot. */
export const GATE_SHAPE = { network: "none" } as const;

/** Runs one gate in a one-shot of the sandbox, once in this round. OUT_OF_MEMORY or PROCESS_LIMIT in a verify job, whose receipts are to tell of the code alone. */
export async function runGate(context: AttemptContext, sandbox: Sandbox, run: GateRun, timeoutMs: number): Promise<GateResult> {
  const { gate, round } = run;
  const key = `gate-${round}-${gate.name}`;
  await tellRerun(context, key, key, `the gate ${gate.name}`);
  await context.events.emitOnce(`${key}:started`, { kind: "gate", data: { name: gate.name, status: "started", round } });
  const result = await context.journal.step(key, () => measure(context, sandbox, run, timeoutMs));
  const { exitCode, durationMs, artifact } = result;
  const status = result.passed ? "passed" : result.timedOut ? "timed-out" : "failed";
  await context.events.emitOnce(`${key}:ended`, { kind: "gate", data: { name: gate.name, status, round, exitCode, durationMs, artifact } });
  return result;
}

async function measure(context: AttemptContext, sandbox: Sandbox, { gate, round, egress }: GateRun, timeoutMs: number): Promise<GateResult> {
  const artifact = `gate-${gate.name}-${round}.log`;
  const reach = egress.length === 0 ? {} : { egress: { phase: "gates", hosts: egress } as const };
  const result = await runLogged(context, sandbox, { text: gate.run, stream: `gate:${gate.name}`, ...GATE_SHAPE, ...reach, timeoutMs });
  await storeArtifact(context, artifact, wholeOutput(result));
  const atLimit = commandOutOfMemory(`The gate ${gate.name}`, result) ?? commandOutOfProcesses(`The gate ${gate.name}`, result);
  if (atLimit && context.claim.verify) throw atLimit;
  const exitCode = result.timedOut ? null : result.exitCode;
  const passed = exitCode === 0;
  const told = atLimit ? Buffer.concat([result.output, Buffer.from(`\n[slipway: ${atLimit.message}]\n`)]) : result.output;
  return {
    name: gate.name,
    command: gate.run,
    passed,
    exitCode,
    timedOut: result.timedOut,
    durationMs: result.durationMs,
    artifact,
    outputDigest: createHash("sha256").update(result.output).digest("hex"),
    failureDigest: passed ? "" : failureDigest({ name: gate.name, exitCode, output: result.output }),
    // Again: without its terminal codes the text may show what they had torn apart.
    excerpt: passed ? "" : context.masks.text(compactOutput(told)),
  };
}

function describeRound(results: readonly GateResult[]): string {
  const red = results.filter((result) => !result.passed).map((result) => result.name);
  return red.length === 0 ? `${results.length} passed` : `${red.length} of ${results.length} failed: ${red.join(", ")}`;
}
