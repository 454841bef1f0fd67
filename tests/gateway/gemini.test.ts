import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ModelServer, startModelServer } from "../support/model-server/server.ts";
import { type AskOptions, GatewayBench, REAL_KEY } from "./gateway-process.ts";
import { ATTEMPT_TOKEN, StubControlPlane } from "./stub-control-plane.ts";

/** Google's protocol through a real gateway, to the scripted model server that takes the real key only. */
const CONTENTS = { contents: [{ role: "user", parts: [{ text: "Hello" }] }], generationConfig: { maxOutputTokens: 1_000 } };
const USAGE = { inputTokens: 1_000, cachedInputTokens: 400, outputTokens: 50, reasoningTokens: 20 };
const STREAM = "/google/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse";

let plane: StubControlPlane;
let model: ModelServer;
let bench: GatewayBench;

beforeAll(async () => {
  plane = await StubControlPlane.start();
  model = await startModelServer({ scenario: { turns: [{ steps: [{ text: "Hi." }] }] }, key: REAL_KEY });
  const settings = `protocol: gemini, baseUrl: "${model.baseUrl}/v1beta", models: ["gemini-2*"], silenceTimeoutSeconds: 1`;
  bench = await GatewayBench.create({ url: plane.url, config: `providers:\n  google: {${settings}, key: TEST_KEY}\n  keyless: {${settings}, key: NO_KEY}\n` });
  await bench.start();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
beforeEach(() => plane.reset());

const ask = (body: object = CONTENTS, options: AskOptions = {}, token: string = ATTEMPT_TOKEN) =>
  bench.ask({ path: STREAM, headers: { authorization: "", ...(token === "" ? {} : { "x-goog-api-key": token }) }, body, ...options });
const newest = () => model.requests.all.at(-1);

test("a stream passes, with the key in Google's header, and is settled with the usage of its last event", async () => {
  model.play({ turns: [{ steps: [{ reasoning: "Hm.", text: "Hi there.", usage: USAGE }] }] });
  const answer = await ask();
  expect(answer).toMatchObject({ status: 200, cut: false });
  expect(answer.body).toContain('"finishReason":"STOP"');
  expect(newest()).toMatchObject({
    path: "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
    headers: { "x-goog-api-key": REAL_KEY },
    body: CONTENTS,
  });
  expect(newest()?.headers).not.toHaveProperty("authorization");
  expect(plane.call.reserved).toMatchObject({ token: ATTEMPT_TOKEN, provider: "google", model: "gemini-2.5-pro", outputTokens: 1_000 });
  const { usage, ...settled } = await plane.settlement();
  expect(settled).toMatchObject({ outcome: "ok", status: 200, failure: null });
  expect(usage).toMatchObject(USAGE);
  expect(usage?.costUsd).toBeCloseTo((600 * 1.25 + 400 * 0.125 + 50 * 10) / 1e6, 12);
});

test("the token may stand in the query, which does not go on; an answer that is no stream is read too", async () => {
  model.play({ turns: [{ steps: [{ text: "Hi.", usage: USAGE }] }] });
  const path = `/google/v1beta/models/gemini-2.5-pro:generateContent?key=${ATTEMPT_TOKEN}`;
  expect(await ask(CONTENTS, { path }, "")).toMatchObject({ status: 200 });
  expect(newest()?.path).toBe("/v1beta/models/gemini-2.5-pro:generateContent");
  expect((await plane.settlement()).usage).toMatchObject(USAGE);
});

test("a count of tokens reserves nothing", async () => {
  const path = "/google/v1beta/models/gemini-2.5-pro:countTokens";
  const answer = await ask({ contents: CONTENTS.contents }, { path });
  expect(JSON.parse(answer.body)).toEqual({ totalTokens: expect.any(Number) });
  expect(plane.call.reserved).toMatchObject({ inputTokens: 0, outputTokens: 0 });
  expect(await plane.settlement()).toMatchObject({ outcome: "ok", usage: { inputTokens: 0, outputTokens: 0 } });
});

test.each([
  [{ status: 401 }, "BACKEND_AUTH"],
  [{ status: 400, code: "API_KEY_INVALID", message: "API key not valid. Please pass a valid API key." }, "BACKEND_AUTH"],
  [{ status: 403 }, "BACKEND_AUTH"],
  [{ status: 404 }, "MODEL_REFUSED"],
  [{ status: 429, retryAfterSeconds: 7 }, "BACKEND_RATE_LIMITED"],
  [
    {
      status: 429,
      code: "GenerateRequestsPerMinutePerProjectPerModel",
      message: "You exceeded your current quota, please check your plan and billing details.",
    },
    "BACKEND_RATE_LIMITED",
  ],
  [{ status: 503 }, "MODEL_OVERLOADED"],
  [{ meaning: "quota" }, "BACKEND_QUOTA"],
  [{ meaning: "context" }, "CONTEXT_TOO_LONG"],
  [{ status: 503, inStream: true }, "MODEL_OVERLOADED"],
  [{ status: 429, inStream: true }, "BACKEND_RATE_LIMITED"],
] as const)("what Google refuses is settled first: %j is %s", async (error, code) => {
  model.play({ turns: [{ steps: [{ error }] }] });
  const answer = await ask();
  expect(plane.call.settled).toMatchObject({ outcome: "failed", failure: { code, details: { vendorType: expect.any(String) } } });
  // Where the answer had begun, it is charged its reservation.
  expect(plane.call.settled?.usage).toEqual("inStream" in error ? null : expect.objectContaining({ inputTokens: 0 }));
  if ("retryAfterSeconds" in error) expect(plane.call.settled?.retryAfterMs).toBe(7_000);
  if (!("inStream" in error)) expect(JSON.parse(answer.body)).toMatchObject({ error: { status: expect.any(String) } });
});

test.each([
  ["cut", "MODEL_UNREACHABLE"],
  ["silent-in-stream", "MODEL_TIMEOUT"],
] as const)("a stream that is %s is %s", async (stop, code) => {
  model.play({ turns: [{ steps: [{ stop, text: "I was about to" }] }] });
  expect(await ask()).toMatchObject({ cut: true });
  expect(await plane.settlement()).toMatchObject({ outcome: "failed", failure: { code } });
});

test("tools of the vendor are taken out; what it would fetch, what it keeps and other models are refused in Google's form", async () => {
  model.play({ turns: [{ steps: [{ text: "Hi." }] }] });
  const own = { functionDeclarations: [{ name: "look" }] };
  await ask({ ...CONTENTS, tools: [{ ...own, googleSearch: {} }, { codeExecution: {} }, { url_context: {} }] });
  expect(newest()?.body).toEqual({ ...CONTENTS, tools: [own] });
  const before = model.requests.all.length;
  const remote = { contents: [{ role: "user", parts: [{ fileData: { fileUri: "https://example.com/a.png" } }] }] };
  for (const [body, path] of [
    [remote, STREAM],
    [{ ...CONTENTS, cachedContent: "cachedContents/1" }, STREAM],
    [CONTENTS, "/google/v1beta/models/gemini-3-pro-preview:generateContent"],
  ] as const) {
    const { status, body: told } = await ask(body, { path });
    expect([status, JSON.parse(told)]).toEqual([
      400,
      { error: { code: 400, status: "INVALID_ARGUMENT", message: expect.stringMatching(/^MODEL_NOT_ALLOWED: /) } },
    ]);
  }
  expect(model.requests.all.length).toBe(before);
});

test("the gateway's own refusals are in Google's form", async () => {
  const refused = async (...given: Parameters<typeof ask>) => {
    const { status, body } = await ask(...given);
    return [status, JSON.parse(body).error.status];
  };
  expect(await refused(CONTENTS, {}, "")).toEqual([401, "UNAUTHENTICATED"]);
  expect(await refused(CONTENTS, {}, "nobody")).toEqual([401, "UNAUTHENTICATED"]);
  expect(await refused(CONTENTS, { path: STREAM.replace("?alt=sse", "") })).toEqual([404, "NOT_FOUND"]);
  expect(await refused(CONTENTS, { path: STREAM.replace("google", "keyless") })).toEqual([400, "INVALID_ARGUMENT"]);
  const list = await bench.ask({ method: "GET", path: "/google/v1beta/models", headers: { "x-goog-api-key": ATTEMPT_TOKEN } });
  expect(JSON.parse(list.body)).toEqual({ models: [] });
});
