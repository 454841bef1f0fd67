import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StreamScanner } from "../answer/stream-scanner.ts";
import { messagesApi } from "./anthropic.ts";

const sse = (event: { type: string; [key: string]: unknown }): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
const inputUsage = { input_tokens: 500, cache_read_input_tokens: 400, cache_creation_input_tokens: 100, cache_creation: { ephemeral_1h_input_tokens: 30 } };
const begun = sse({ type: "message_start", message: { id: "msg_1", content: [], usage: { ...inputUsage, output_tokens: 1 } } }) + sse({ type: "ping" });
const text = 'say "usage":{"output_tokens":9} and {"type":"message_stop"} and "error":{"x":1}\n';
const delta =
  sse({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }) +
  sse({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }).repeat(3);
const ended = sse({
  type: "message_delta",
  delta: { stop_reason: "end_turn" },
  usage: { output_tokens: 50, cache_read_input_tokens: null, output_tokens_details: { thinking_tokens: 20 } },
});
const stop = sse({ type: "message_stop" });
const counted = { inputTokens: 1_000, cachedInputTokens: 400, cacheWriteTokens: 100, longCacheWriteTokens: 30, outputTokens: 50, reasoningTokens: 20 };

/** Scans the text in chunks that end at the given places. */
function scan(stream: string, cuts: readonly number[] = []): StreamScanner {
  const scanner = new StreamScanner(messagesApi.streamForm());
  const bytes = Buffer.from(stream);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let index = 1; index < places.length; index += 1) {
    const chunk = bytes.subarray(places[index - 1], places[index]);
    if (chunk.length > 0) scanner.push(chunk);
  }
  scanner.end();
  return scanner;
}

describe("a stream", () => {
  const cuts = fc.array(fc.nat(), { maxLength: 30 });
  it("has the usage of its first and its last but one event, wherever it is cut into chunks", () => {
    fc.assert(
      fc.property(cuts, (at) => {
        expect(scan(begun + delta + ended + stop, at)).toMatchObject({ tokens: counted, complete: true, error: null, sawOutput: true });
      }),
    );
  });

  it("that was broken off has no usage: what the first event tells is not what the call took", () => {
    expect(scan(begun)).toMatchObject({ tokens: null, complete: false, sawOutput: false });
    expect(scan(begun + delta)).toMatchObject({ tokens: null, complete: false, error: null, sawOutput: true });
    expect(scan(begun + delta + ended)).toMatchObject({ tokens: counted, complete: false });
  });

  it("tells of an error, wherever it is cut into chunks", () => {
    const error = { type: "overloaded_error", message: "Overloaded" };
    fc.assert(
      fc.property(cuts, (at) => {
        expect(scan(begun + sse({ type: "error", error }), at)).toMatchObject({ error, complete: false, sawOutput: false });
      }),
    );
    expect(scan('event: error\ndata: {"type":"error"}\n\n').error).toMatchObject({ message: expect.stringContaining("error") });
  });
});

it("a whole message has its usage and its mode, an error its words", () => {
  const usage = { ...inputUsage, output_tokens: 50, output_tokens_details: { thinking_tokens: 20 }, speed: "fast" };
  expect(messagesApi.readAnswer({ type: "message", content: [], usage })).toEqual({ tokens: counted, tier: "fast", error: null });
  const error = { type: "error", error: { type: "not_found_error", message: "model: x" } };
  expect(messagesApi.readAnswer(error)).toEqual({ tokens: null, tier: undefined, error: { code: "", type: "not_found_error", message: "model: x" } });
  expect(messagesApi.readAnswer(null)).toMatchObject({ tokens: null });
});
