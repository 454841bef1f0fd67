import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import type { ProcessEvidence } from "../sandbox/sandbox.ts";

/** Failures behind which a process may stand that could not be started; what a vendor or a time limit said has its own cause. */
const MAY_BE_ITS_DOING: ReadonlySet<ErrorCode> = new Set(["RUNNER_LOST", "BACKEND_FAILED", "BACKEND_OUTPUT_INVALID", "AGENT_STALLED"]);

/** PROCESS_LIMIT with its figures, where a turn failed that was refused processes meanwhile; else undefined. */
export function turnOutOfProcesses(
  before: ProcessEvidence | null,
  now: ProcessEvidence | null,
  failure: { readonly code: ErrorCode; readonly message: string },
): SlipwayError | undefined {
  const refused = (now?.refused ?? 0) - (before?.refused ?? 0);
  if (refused <= 0 || !MAY_BE_ITS_DOING.has(failure.code)) return undefined;
  const { code, message } = failure;
  return processLimit("The agent", { refused, limit: now?.limit ?? null }, { failure: { code, message: message.slice(0, 2_000) } });
}

/** PROCESS_LIMIT where a command failed that was refused processes; else undefined. */
export function commandOutOfProcesses(
  name: string,
  { exitCode, processes }: { readonly exitCode: number | null; readonly processes?: ProcessEvidence | null },
): SlipwayError | undefined {
  return processes && exitCode !== 0 && exitCode !== null ? processLimit(name, processes, { exitCode }) : undefined;
}

function processLimit(who: string, evidence: ProcessEvidence, more: Record<string, unknown>): SlipwayError {
  const { refused, limit } = evidence;
  const message = `${who} ran out of processes: ${refused === 1 ? "one was" : `${refused} were`} not started, because its limit is ${limit ?? "reached"}.`;
  return new SlipwayError("PROCESS_LIMIT", message, { ...evidence, ...more });
}
