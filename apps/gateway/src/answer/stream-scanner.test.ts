import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chatApi, responsesApi } from "../protocols/openai.ts";
import type { OpenAiApi } from "../request/plan-request.ts";
import { StreamScanner } from "./stream-scanner.ts";

/** Scans the text in chunks that end at the given places. */
function scan(api: OpenAiApi, text: string, cuts: readonly number[] = [], lineLimitBytes?: number): StreamScanner {
  const scanner = new StreamScanner((api === "chat" ? chatApi : responsesApi).streamForm(), lineLimitBytes);
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let index = 1; index < places.length; index += 1) {
    const chunk = bytes.subarray(places[index - 1], places[index]);
    if (chunk.length > 0) scanner.push(chunk);
  }
  scanner.end();
  return scanner;
}

const sse = (event: Record<string, unknown>): string => `event: ${event["type"]}\ndata: ${JSON.stringify(event)}\n\n`;
const usage = {
  input_tokens: 1_000,
  input_tokens_details: { cached_tokens: 400, cache_write_tokens: 100 },
  output_tokens: 50,
  output_tokens_details: { reasoning_tokens: 20 },
};
const counted = { inputTokens: 1_000, cachedInputTokens: 400, cacheWriteTokens: 100, outputTokens: 50, reasoningTokens: 20 };
const begun = sse({ type: "response.created", response: { usage: null, error: null, status: "in_progress" } });
const delta = sse({ type: "response.output_text.delta", delta: 'say "usage": {"input_tokens": 9} and "error": {"x":1} and [DONE]\n' });
const completed = sse({ type: "response.completed", response: { status: "completed", error: null, service_tier: "flex", usage } });

const responses = begun + delta.repeat(5) + completed;
const chunk = (rest: object): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", usage: null, ...rest })}\n\n`;
const chat =
  chunk({ choices: [{ delta: { content: '"usage":{"prompt_tokens":1}' } }] }).repeat(3) +
  chunk({ choices: [], service_tier: "default", usage: { prompt_tokens: 7, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 2 } } }) +
  "data: [DONE]\n\n";

describe("wherever the stream is cut into chunks", () => {
  const cuts = fc.array(fc.nat(), { maxLength: 30 });
  it("finds the usage of Responses", () => {
    fc.assert(
      fc.property(cuts, (at) => {
        expect(scan("responses", responses, at)).toMatchObject({ tokens: counted, tier: "flex", complete: true, error: null });
      }),
    );
  });
  it("finds the usage of Chat", () => {
    const expected = { inputTokens: 7, cachedInputTokens: 2, cacheWriteTokens: 0, outputTokens: 3, reasoningTokens: 0 };
    fc.assert(
      fc.property(cuts, (at) => {
        expect(scan("chat", chat, at)).toMatchObject({ tokens: expected, tier: "default", complete: true, error: null });
      }),
    );
  });
  it("finds a failure", () => {
    const failed = sse({ type: "response.failed", response: { usage: null, error: { code: "server_error", message: "sorry" } } });
    const expected = { code: "server_error", message: "sorry" };
    fc.assert(
      fc.property(cuts, (at) => {
        expect(scan("responses", begun + failed, at)).toMatchObject({ error: expected, complete: false, sawOutput: false });
      }),
    );
  });
});

describe("endings", () => {
  it.each<[string, OpenAiApi, string, object]>([
    ["an error event", "responses", sse({ type: "error", code: "rate_limit_exceeded", message: "slow", param: null }), { code: "rate_limit_exceeded" }],
    ["an error event with an object", "responses", sse({ type: "error", error: { type: "tokens", code: "x", message: "m" } }), { code: "x", type: "tokens" }],
    ["an error in a Chat stream", "chat", 'data: {"error": {"message":"no","code":429}}\n\n', { code: "429", message: "no" }],
    ["a failure that says nothing", "responses", sse({ type: "response.failed", response: {} }), { message: "The response failed." }],
    ["a last line without an end", "chat", 'data: {"error":{"message":"no"}}', { message: "no" }],
    ["Windows line ends", "chat", 'data: {"error":{"message":"no"}}\r\n\r\n', { message: "no" }],
  ])("%s", (_, api, text, error) => {
    expect(scan(api, text).error).toMatchObject(error);
  });

  it("an answer that reached its limit is whole", () => {
    expect(scan("responses", sse({ type: "response.incomplete", response: { usage, error: null } }))).toMatchObject({ complete: true, tokens: counted });
  });

  it("tells whether the model had begun", () => {
    expect(scan("responses", begun).sawOutput).toBe(false);
    expect(scan("responses", begun + delta).sawOutput).toBe(true);
    expect(scan("chat", chat).sawOutput).toBe(true);
  });

  it("does not believe the text of the model", () => {
    expect(scan("responses", begun + delta)).toMatchObject({ tokens: null, error: null, complete: false });
  });
});

it("a line beyond the limit is skipped, and what follows is read", () => {
  const long = `data: ${JSON.stringify({ type: "response.output_text.done", text: "x".repeat(5_000) })}\n\n`;
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 30 }), (cuts) => {
      expect(scan("responses", begun + long + completed, cuts, 1_000)).toMatchObject({ tokens: counted, complete: true });
    }),
  );
});
