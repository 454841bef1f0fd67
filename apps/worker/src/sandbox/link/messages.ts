import { SlipwayError } from "@slipway/protocol/errors";
import { type RunnerToWorker, runnerToWorkerSchema } from "@slipway/protocol/runner-protocol";

/** Nothing that a sound runner sends is nested deeper; more would blow the stack of whoever writes it on. */
const DEPTH_LIMIT = 64;

/** One line from a runner, checked. BACKEND_OUTPUT_INVALID where it is not a message of the protocol. */
export function parseRunnerMessage(line: string): RunnerToWorker {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw invalidOutput("a line is not JSON", error);
  }
  if (!isWithinDepth(value, DEPTH_LIMIT)) throw invalidOutput(`a message is nested deeper than ${DEPTH_LIMIT} levels`);
  const parsed = runnerToWorkerSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalidOutput(`${issue?.path.map(String).join(".") || "message"}: ${issue?.message ?? "not of the protocol"}`);
}

/** The error for a runner that does not keep to the protocol. */
export function invalidOutput(problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError(
    "BACKEND_OUTPUT_INVALID",
    `The runner does not keep to its protocol: ${problem.slice(0, 500)}.`,
    {},
    cause === undefined ? {} : { cause },
  );
}

function isWithinDepth(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  for (const key in value) if (!isWithinDepth((value as Record<string, unknown>)[key], levels - 1)) return false;
  return true;
}
