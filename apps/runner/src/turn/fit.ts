import type { TurnResult } from "@slipway/protocol/runner-protocol";

/** Longest text in an event or result, as the protocol has it; cut texts say so. */
const TEXT_LIMIT = 262_144;
const MESSAGE_LIMIT = 20_000;
/** A message of the protocol is 1 MiB at most, and escapes make texts longer. */
const RESULT_LIMIT_BYTES = 900_000;

/** An event with its overlong texts cut. What is wrong in other ways is left for the schema to find. */
export function fitEvent(event: unknown): unknown {
  const { kind, data } = (event ?? {}) as { kind?: string; data?: Record<string, unknown> };
  if (typeof data !== "object" || data === null || kind === "log") return event;
  const cut = Object.entries(data).map(([key, value]) => [
    key,
    typeof value === "string" && (key === "text" || key === "output") ? cutText(value, TEXT_LIMIT) : value,
  ]);
  return { kind, data: Object.fromEntries(cut) };
}

/** What a backend returned, with texts that the schema would refuse for their length alone cut. */
export function fitReturned(value: unknown): unknown {
  const { status, finalText, failure } = (value ?? {}) as { status?: unknown; finalText?: unknown; failure?: { message?: unknown } };
  if (status === "done" && typeof finalText === "string") return { status, finalText: cutText(finalText, TEXT_LIMIT) };
  if (status === "failed" && typeof failure?.message === "string") return { status, failure: { ...failure, message: cutText(failure.message, MESSAGE_LIMIT) } };
  return value;
}

/** A result that fits into one message. */
export function fitResult(result: TurnResult): TurnResult {
  if (result.status === "done") {
    const finalText = cutText(result.finalText, TEXT_LIMIT);
    return { status: "done", finalText: JSON.stringify(finalText).length > RESULT_LIMIT_BYTES / 4 ? cutText(finalText, RESULT_LIMIT_BYTES / 8) : finalText };
  }
  const { code, message, details } = result.failure;
  const isLarge = Buffer.byteLength(JSON.stringify(details)) > RESULT_LIMIT_BYTES / 2;
  return {
    status: "failed",
    failure: { code, message: cutText(message, MESSAGE_LIMIT), details: isLarge ? { leftOut: "the details were too large" } : details },
  };
}

function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const mark = `… (${text.length - limit} characters cut)`;
  return text.slice(0, limit - mark.length - 8) + mark;
}
