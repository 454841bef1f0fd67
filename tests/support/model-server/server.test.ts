import { expect, test } from "vitest";
import type { AnswerInput } from "./scenario.ts";
import { type ModelServer, startModelServer } from "./server.ts";

const TOOL = { type: "object", properties: { cmd: { type: "string" } }, required: ["cmd"] };
const USAGE = { inputTokens: 70, cachedInputTokens: 30, outputTokens: 9, reasoningTokens: 4 };

const responses = {
  path: "/v1/responses",
  body: (extra: object = {}) => ({ model: "m", input: "Hello", tools: [{ type: "function", name: "exec_command", parameters: TOOL }], ...extra }),
};
const chat = {
  path: "/openai/v1/chat/completions",
  body: (extra: object = {}) => ({
    model: "m",
    messages: [{ role: "user", content: "Hello" }],
    tools: [{ type: "function", function: { name: "bash", parameters: TOOL } }],
    ...extra,
  }),
};

async function serve(...steps: AnswerInput[]): Promise<ModelServer> {
  return await startModelServer({ scenario: { turns: [{ steps }] } });
}

async function post(server: ModelServer, path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return await fetch(server.baseUrl + path, { method: "POST", body: JSON.stringify(body), ...init });
}

/** The messages of an event stream, parsed. */
async function messages(response: Response): Promise<Array<Record<string, unknown>>> {
  const text = await response.text();
  const data = text.split("\n\n").flatMap((frame) => /^data: (.*)$/m.exec(frame)?.[1] ?? []);
  return data.filter((line) => line !== "[DONE]").map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("Responses: whole, with reasoning, text, two calls and usage", async () => {
  await using server = await serve({ reasoning: "Hm.", text: "I will.", shell: ["ls", "pwd"], usage: USAGE });
  const answer = await (await post(server, responses.path, responses.body())).json();
  expect(answer).toMatchObject({
    status: "completed",
    model: "m",
    output: [
      { type: "reasoning", summary: [{ text: "Hm." }] },
      { type: "message", content: [{ text: "I will." }] },
      { type: "function_call", name: "exec_command", arguments: '{"cmd":"ls"}' },
      { type: "function_call", name: "exec_command", arguments: '{"cmd":"pwd"}' },
    ],
    usage: {
      input_tokens: 70,
      input_tokens_details: { cached_tokens: 30 },
      output_tokens: 9,
      output_tokens_details: { reasoning_tokens: 4 },
      total_tokens: 79,
    },
  });
});

test("Responses: a stream's deltas make the text, its events are numbered, and the last one has all", async () => {
  await using server = await serve({ flood: { bytes: 1_000, deltas: 7 }, shell: "ls" });
  const events = await messages(await post(server, responses.path, responses.body({ stream: true })));
  expect(events.map((event) => event["sequence_number"])).toEqual(events.map((_, index) => index));
  const deltas = events.filter(({ type }) => type === "response.output_text.delta").map(({ delta }) => delta as string);
  expect(deltas).toHaveLength(7);
  expect(deltas.join("")).toHaveLength(1_000);
  expect(events.at(-1)).toMatchObject({
    type: "response.completed",
    response: { output: [{ content: [{ text: deltas.join("") }] }, { name: "exec_command" }] },
  });
});

test("the step is read from the conversation; the server remembers nothing", async () => {
  await using server = await serve({ shell: ["ls", "pwd"] }, { text: "Done." });
  const first = (await (await post(server, responses.path, responses.body())).json()) as { output: Array<{ call_id: string }> };
  const results = first.output.map(({ call_id }) => ({ type: "function_call_output", call_id, output: "ok" }));
  const input = [{ role: "user", content: [{ type: "input_text", text: "Hello" }] }, ...first.output, ...results];
  const ask = async (items: unknown[]) => (await (await post(server, responses.path, responses.body({ input: items }))).json()) as unknown;
  expect(await ask(input)).toMatchObject({ output: [{ content: [{ text: "Done." }] }] });
  // A further text of the user begins a turn.
  expect(await ask([...input, { role: "user", content: "Again" }])).toMatchObject({ output: [{ name: "exec_command" }, { name: "exec_command" }] });
  expect(server.requests.modelCalls().map(({ model }) => [model?.step, model?.prompt, model?.toolResults])).toEqual([
    [0, "Hello", []],
    [1, "Hello", ["ok", "ok"]],
    [0, "Again", []],
  ]);
});

test("Chat: whole, and its next step", async () => {
  await using server = await serve({ reasoning: "Hm.", text: "I will.", shell: "ls", usage: USAGE }, { text: "Done." });
  const answer = (await (await post(server, chat.path, chat.body())).json()) as { choices: Array<{ message: { tool_calls: Array<{ id: string }> } }> };
  expect(answer).toMatchObject({
    choices: [
      {
        finish_reason: "tool_calls",
        message: { content: "I will.", reasoning_content: "Hm.", tool_calls: [{ function: { name: "bash", arguments: '{"cmd":"ls"}' } }] },
      },
    ],
    usage: { prompt_tokens: 70, completion_tokens: 9, prompt_tokens_details: { cached_tokens: 30 } },
  });
  const call = answer.choices[0]?.message.tool_calls[0];
  const conversation = [{ role: "user", content: "Hello" }, answer.choices[0]?.message, { role: "tool", tool_call_id: call?.id, content: "ok" }];
  const next = await (await post(server, chat.path, chat.body({ messages: conversation }))).json();
  expect(next).toMatchObject({ choices: [{ finish_reason: "stop", message: { content: "Done." } }] });
});

test("Chat: a stream tells usage only where it is asked to", async () => {
  await using server = await serve({ text: "Hi.", shell: "ls", usage: USAGE });
  const silent = await messages(await post(server, chat.path, chat.body({ stream: true })));
  expect(silent.some((chunk) => "usage" in chunk)).toBe(false);
  const asked = await messages(await post(server, chat.path, chat.body({ stream: true, stream_options: { include_usage: true } })));
  expect(asked.slice(0, -1).every((chunk) => chunk["usage"] === null)).toBe(true);
  expect(asked.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 70, total_tokens: 79 } });
  const text = asked.flatMap(({ choices }) => (choices as Array<{ delta: { content?: string } }>).map(({ delta }) => delta.content ?? "")).join("");
  expect(text).toBe("Hi.");
});

test("a vendor that tells no usage", async () => {
  await using server = await serve({ text: "Hi.", usage: null });
  expect(await (await post(server, responses.path, responses.body())).json()).toMatchObject({ usage: null });
  expect(await (await post(server, chat.path, chat.body())).json()).not.toHaveProperty("usage");
});

test.each([
  [400, { status: 400 }, "invalid_request_error"],
  [401, { status: 401 }, "invalid_request_error"],
  [402, { status: 402 }, "insufficient_quota"],
  [529, { status: 529 }, "overloaded_error"],
  [418, { status: 418, type: "teapot", code: "short_and_stout", message: "No." }, "teapot"],
])("error %i is as the vendor sends it", async (status, error, type) => {
  await using server = await serve({ error });
  for (const { path, body } of [responses, chat]) {
    const response = await post(server, path, body({ stream: true }));
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { type } });
  }
});

test("a rate limit says when to come again", async () => {
  await using server = await serve({ error: { status: 429, retryAfterSeconds: 7 } });
  const response = await post(server, responses.path, responses.body());
  expect([response.status, response.headers.get("retry-after")]).toEqual([429, "7"]);
});

test("an error inside a stream", async () => {
  await using server = await serve({ error: { status: 503, inStream: true } });
  const events = await messages(await post(server, responses.path, responses.body({ stream: true })));
  expect(events.at(-1)).toMatchObject({ type: "response.failed", response: { error: { code: "server_is_overloaded" } } });
  expect((await messages(await post(server, chat.path, chat.body({ stream: true })))).at(-1)).toMatchObject({ error: { code: "server_is_overloaded" } });
});

test("a stream that is cut breaks off after what was sent", async () => {
  await using server = await serve({ stop: "cut", stopAfterFrames: 3, text: "never whole" });
  const response = await post(server, responses.path, responses.body({ stream: true }));
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  await expect(async () => {
    for (;;) text += (await reader?.read())?.value ?? "";
  }).rejects.toThrow();
  expect(text.match(/^event: /gm)).toHaveLength(3);
  expect(await (await server.requests.nth(1)).end).toBe("stopped");
});

test.each(["silent-before-headers", "silent-in-stream"] as const)("%s lasts until the client goes", async (stop) => {
  await using server = await serve({ stop, text: "never whole" });
  const leaving = new AbortController();
  const asking = post(server, responses.path, responses.body({ stream: true }), { signal: leaving.signal });
  const request = await server.requests.nthModelCall(1);
  if (stop === "silent-in-stream") expect((await asking).status).toBe(200);
  leaving.abort();
  await asking.catch(() => undefined);
  expect(await request.end).toBe("dropped-by-client");
});

test("headers that come late", async () => {
  await using server = await serve({ headersDelayMs: 300, text: "Hi." });
  const askedAt = performance.now();
  await (await post(server, responses.path, responses.body())).json();
  expect(performance.now() - askedAt).toBeGreaterThan(290);
});

test("a key that is required", async () => {
  await using server = await startModelServer({ scenario: { turns: [{ steps: [{ text: "Hi." }] }] }, key: "right", models: ["a", "b"] });
  const status = async (key: string, path = responses.path) =>
    (
      await fetch(server.baseUrl + path, {
        headers: { authorization: `Bearer ${key}` },
        ...(path === responses.path ? { method: "POST", body: JSON.stringify(responses.body()) } : {}),
      })
    ).status;
  expect([await status("right"), await status("wrong"), await status("wrong", "/v1/models")]).toEqual([200, 401, 401]);
  const models = await fetch(`${server.baseUrl}/v1/models`, { headers: { authorization: "Bearer right" } });
  expect(await models.json()).toMatchObject({ object: "list", data: [{ id: "a" }, { id: "b" }] });
});

test("every request is recorded, and can be waited for", async () => {
  await using server = await serve({ text: "Hi." });
  const before = Date.now();
  const second = server.requests.nth(2);
  await post(server, "/v1/nowhere", { a: 1 }, { headers: { "x-mark": "first" } });
  await post(server, responses.path, responses.body());
  expect(await second).toMatchObject({ number: 2, method: "POST", path: responses.path, body: { input: "Hello" }, model: { prompt: "Hello" } });
  const [first] = server.requests.all;
  expect(first).toMatchObject({ number: 1, headers: { "x-mark": "first" }, model: undefined });
  expect(first?.arrivedAtMs).toBeGreaterThanOrEqual(before - 1);
  expect(await first?.end).toBe("whole");
});

test("what does not fit shows in the client's error", async () => {
  await using server = await startModelServer({ scenario: { turns: [{ prompt: "other", steps: [{ text: "Hi." }] }] } });
  const failure = async (body: unknown) => await (await post(server, responses.path, body)).text();
  expect(await failure(responses.body())).toContain("no turn fits step 0");
  expect(await failure({ input: "Hello" })).toContain("does not have the protocol's form");
  server.play({ turns: [{ steps: [{ calls: [{ tool: "fly", input: {} }] }] }] });
  expect(await failure(responses.body())).toContain("no tool called fly; it has exec_command");
  server.play({ turns: [{ steps: [{ shell: "ls" }] }] });
  expect(await failure(responses.body({ tools: [{ type: "function", name: "read" }] }))).toContain("no shell tool is known among read");
  server.play(() => ({ text: "Of a function." }));
  expect(await failure(responses.body())).toContain("Of a function.");
});
