import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import type { MemoryEvidence } from "../sandbox/sandbox.ts";

/** 128 and SIGKILL: how a shell tells of a command that the kernel killed. */
const KILLED_EXIT_CODE = 137;
/** Failures behind which a process may stand that is not there any more; what a vendor or a time limit said has its own cause. */
const MAY_BE_ITS_DOING: ReadonlySet<ErrorCode> = new Set(["RUNNER_LOST", "BACKEND_FAILED", "BACKEND_OUTPUT_INVALID", "AGENT_STALLED"]);

interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** OUT_OF_MEMORY with its figures, where the failure of a turn is the doing of the kernel's out-of-memory killer; else undefined. */
export function turnOutOfMemory(evidence: MemoryEvidence | null, failure: Failure): SlipwayError | undefined {
  if (!evidence || !MAY_BE_ITS_DOING.has(failure.code)) return undefined;
  const { exitCode, signal } = failure.details;
  const wasKilled = failure.code === "RUNNER_LOST" || exitCode === KILLED_EXIT_CODE || signal === "SIGKILL";
  // What befell anybody on the machine explains only what ended by a SIGKILL.
  if (evidence.of === "machine" && !wasKilled) return undefined;
  const { code, message } = failure;
  return outOfMemory("The agent", evidence, { failure: { code, message: message.slice(0, 2_000) } });
}

/** OUT_OF_MEMORY where a command that failed did so by the doing of the out-of-memory killer; else undefined. */
export function commandOutOfMemory(
  name: string,
  result: { readonly exitCode: number | null; readonly memory: MemoryEvidence | null },
): SlipwayError | undefined {
  const { exitCode, memory } = result;
  if (!memory || exitCode === 0 || exitCode === null) return undefined;
  if (memory.of === "machine" && exitCode !== KILLED_EXIT_CODE) return undefined;
  return outOfMemory(name, memory, { exitCode });
}

/** What was killed since a look that counted `killsBefore`. */
export function since(evidence: MemoryEvidence | null, killsBefore: number): MemoryEvidence | null {
  return evidence && evidence.kills > killsBefore ? { ...evidence, kills: evidence.kills - killsBefore } : null;
}

function outOfMemory(who: string, evidence: MemoryEvidence, more: Record<string, unknown>): SlipwayError {
  const { kills, limitBytes } = evidence;
  const where = limitBytes === null ? "the machine had no memory left" : `its limit is ${Math.round(limitBytes / 1_048_576)} MiB`;
  const message = `${who} ran out of memory: the kernel killed ${kills === 1 ? "a process" : `${kills} processes`}, because ${where}.`;
  return new SlipwayError("OUT_OF_MEMORY", message, { ...evidence, ...more });
}
