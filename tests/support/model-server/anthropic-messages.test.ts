import { expect, test } from "vitest";
import { NAMED_SCENARIOS } from "./named-scenarios.ts";
import type { AnswerInput } from "./scenario.ts";
import { type ModelServer, startModelServer } from "./server.ts";

const USAGE = { inputTokens: 70, cachedInputTokens: 30, cacheWriteTokens: 10, outputTokens: 9, reasoningTokens: 4 };
const TOOLS = [{ name: "Bash", input_schema: { type: "object", properties: { command: { type: "string" } }, required: ["command"] } }];
const HELLO = [{ role: "user", content: "Hello" }];

async function serve(...steps: AnswerInput[]): Promise<ModelServer> {
  return await startModelServer({ scenario: { turns: [{ steps }] } });
}

async function ask(server: ModelServer, more: object = {}, path = "/anthropic/v1/messages?beta=true"): Promise<Response> {
  const body = { model: "claude", max_tokens: 1_000, messages: HELLO, tools: TOOLS, ...more };
  return await fetch(server.baseUrl + path, { method: "POST", body: JSON.stringify(body) });
}

/** The messages of an event stream, each with the name of its event. */
async function events(response: Response): Promise<Array<Record<string, unknown> & { type: string }>> {
  const frames = (await response.text()).split("\n\n").filter((frame) => frame !== "");
  return frames.map((frame) => {
    const [, event, data = ""] = /^event: (.*)\ndata: (.*)$/.exec(frame) ?? [];
    const parsed = JSON.parse(data) as Record<string, unknown> & { type: string };
    expect(parsed.type).toBe(event);
    return parsed;
  });
}

test("whole, with thinking, text, two calls and usage", async () => {
  await using server = await serve({ reasoning: "Hm.", text: "I will.", shell: ["ls", "pwd"], usage: USAGE });
  expect(await (await ask(server)).json()).toMatchObject({
    type: "message",
    role: "assistant",
    model: "claude",
    stop_reason: "tool_use",
    content: [
      { type: "thinking", thinking: "Hm.", signature: expect.any(String) },
      { type: "text", text: "I will." },
      { type: "tool_use", name: "Bash", input: { command: "ls" } },
      { type: "tool_use", name: "Bash", input: { command: "pwd" } },
    ],
    usage: { input_tokens: 30, cache_read_input_tokens: 30, cache_creation_input_tokens: 10, output_tokens: 9, output_tokens_details: { thinking_tokens: 4 } },
  });
});

test("a stream's deltas make the same message; usage comes first for the input and last for the output", async () => {
  await using server = await serve({ reasoning: "Hm.", flood: { bytes: 1_000, deltas: 7 }, shell: "ls", usage: USAGE });
  const told = await events(await ask(server, { stream: true }));
  expect(told[0]).toMatchObject({ type: "message_start", message: { content: [], usage: { input_tokens: 30, output_tokens: 1 } } });
  const deltas = told.flatMap(({ type, delta }) => (type === "content_block_delta" ? [delta as Record<string, string>] : []));
  expect(deltas.map(({ thinking }) => thinking ?? "").join("")).toBe("Hm.");
  expect(deltas.filter(({ type }) => type === "text_delta")).toHaveLength(7);
  expect(deltas.map(({ text }) => text ?? "").join("")).toHaveLength(1_000);
  expect(JSON.parse(deltas.map(({ partial_json }) => partial_json ?? "").join(""))).toEqual({ command: "ls" });
  const [last, stop] = told.slice(-2);
  expect(last).toMatchObject({ type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 9 } });
  expect(stop).toEqual({ type: "message_stop" });
});

test("the step is read from the results of tools; what the client adds is no prompt", async () => {
  await using server = await serve({ shell: "ls" }, { text: "Done." });
  const first = (await (await ask(server)).json()) as { content: Array<{ id: string }> };
  const reminder = { type: "text", text: "<system-reminder>Be brief.</system-reminder>" };
  const messages = [
    { role: "user", content: [reminder, { type: "text", text: "Hello" }] },
    { role: "assistant", content: first.content },
    { role: "user", content: [{ type: "tool_result", tool_use_id: first.content[0]?.id, content: [{ type: "text", text: "a b" }] }, reminder] },
  ];
  expect(await (await ask(server, { messages, system: [{ type: "text", text: "You are scripted." }] })).json()).toMatchObject({
    stop_reason: "end_turn",
    content: [{ text: "Done." }],
  });
  const [, second] = server.requests.modelCalls();
  expect(second?.model).toMatchObject({ step: 1, prompt: "Hello", toolResults: ["a b"], text: expect.stringContaining("You are scripted.") });
  // A further text of the user begins a turn.
  await ask(server, { messages: [...messages, { role: "assistant", content: "Done." }, { role: "user", content: "Again" }] });
  expect(server.requests.modelCalls()[2]?.model).toMatchObject({ step: 0, prompt: "Again", toolResults: [] });
});

test.each([
  [400, { status: 400 }, "invalid_request_error"],
  [401, { status: 401 }, "authentication_error"],
  [402, { status: 402 }, "billing_error"],
  [404, { status: 404 }, "not_found_error"],
  [429, { status: 429, retryAfterSeconds: 7 }, "rate_limit_error"],
  [529, { status: 529 }, "overloaded_error"],
  [418, { status: 418, type: "teapot", message: "No." }, "teapot"],
])("error %i is as Anthropic sends it", async (status, error, type) => {
  await using server = await serve({ error });
  const response = await ask(server, { stream: true });
  expect([response.status, response.headers.get("retry-after")]).toEqual([status, status === 429 ? "7" : null]);
  expect(await response.json()).toMatchObject({ type: "error", error: { type, message: expect.any(String) }, request_id: expect.any(String) });
});

test.each([
  ["context", 400, "prompt is too long"],
  ["quota", 400, "credit balance is too low"],
])("%s has Anthropic's status and words", async (name, status, words) => {
  await using server = await startModelServer({ scenario: NAMED_SCENARIOS[name]?.scenario ?? { turns: [] } });
  const response = await ask(server);
  expect(response.status).toBe(status);
  expect(await response.text()).toContain(words);
});

test("an error inside a stream", async () => {
  await using server = await serve({ error: { status: 529, inStream: true } });
  expect((await events(await ask(server, { stream: true }))).at(-1)).toMatchObject({ type: "error", error: { type: "overloaded_error" } });
});

test("tokens are counted without a request to the model", async () => {
  await using server = await serve({ text: "Hi." });
  expect(await (await ask(server, {}, "/v1/messages/count_tokens")).json()).toEqual({ input_tokens: expect.any(Number) });
  expect(server.requests.modelCalls()).toEqual([]);
});

test("a key as x-api-key, and a request of another form", async () => {
  await using server = await startModelServer({ scenario: { turns: [{ steps: [{ text: "Hi." }] }] }, key: "right" });
  const send = (key: string, body: object) =>
    fetch(`${server.baseUrl}/v1/messages`, { method: "POST", headers: { "x-api-key": key }, body: JSON.stringify(body) });
  expect((await send("right", { model: "m", max_tokens: 1, messages: HELLO })).status).toBe(200);
  expect(await (await send("wrong", {})).json()).toMatchObject({ error: { type: "authentication_error" } });
  expect(await (await send("right", { messages: HELLO })).json()).toMatchObject({ error: { message: expect.stringContaining("protocol's form") } });
});
