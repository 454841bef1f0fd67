import type { ProcessEnd } from "@slipway/backend-sdk/agent-process";
import { failureCodeOf } from "@slipway/backend-sdk/failure-code";
import { failedTurn } from "@slipway/backend-sdk/turn-result";
import type { ErrorCode } from "@slipway/protocol/errors";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import type { Agent } from "./config.ts";
import type { OutputReader } from "./output-reader.ts";

/** How an agent's process went, as far as its end is judged by it. */
export interface Run {
  readonly reader: OutputReader;
  readonly end: ProcessEnd;
  readonly stderrTail: string;
}

/** Whether the turn is done: by the agent's final event where it has one, by the absence of an error, by its exit code and by its words; all of them must hold. */
export function judge(agent: Agent, { reader, end, stderrTail }: Run): TurnResult {
  const program = agent.command[0] ?? "";
  const details = { exitCode: end.exitCode, signal: end.exitSignal, stderr: stderrTail };
  if (end.startError) return failedTurn("BACKEND_NOT_INSTALLED", `${program} cannot be started: ${end.startError.message}.`);
  if (reader.error !== undefined) return failedTurn(codeOf(agent, reader.error), `The agent said: ${reader.error}`, details);
  const fail = (why: string, fallback: ErrorCode = "BACKEND_FAILED"): TurnResult => {
    const code = codeOf(agent, `${stderrTail}\n${reader.tail}`);
    return failedTurn(code === "BACKEND_FAILED" ? fallback : code, `${program} ${why}.`, details);
  };
  const how = end.exitCode === null ? `was ended by ${end.exitSignal}` : `ended with ${end.exitCode}`;
  if (hasFinalRule(agent) && !reader.final) return fail(`${how} without a final event`, reader.isGarbled ? "BACKEND_OUTPUT_INVALID" : "BACKEND_FAILED");
  // One that has said its last word and does not exit is ended, which is nobody's failure.
  if (end.exitCode === null ? !reader.final : !agent.success.exitCodes.includes(end.exitCode)) return fail(how);
  const { output } = agent.success;
  if (output !== undefined && !new RegExp(output, "im").test(reader.tail)) return fail(`printed nothing that fits ${output}`);
  return { status: "done", finalText: reader.finalText };
}

function hasFinalRule({ output }: Agent): boolean {
  return output.format === "json-lines" && output.events.some(({ as }) => as === "final");
}

function codeOf({ failures }: Agent, text: string): ErrorCode {
  return failureCodeOf(
    text,
    failures.map(({ words, code }) => [new RegExp(words, "im"), code] as const),
  );
}
