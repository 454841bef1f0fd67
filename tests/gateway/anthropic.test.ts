import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ModelServer, startModelServer } from "../support/model-server/server.ts";
import { type AskOptions, GatewayBench, REAL_KEY } from "./gateway-process.ts";
import { ATTEMPT_TOKEN, OTHER_TOKEN, StubControlPlane } from "./stub-control-plane.ts";

/** Anthropic's protocol through a real gateway, to the scripted model server that takes the real key only. */
const MESSAGE = { model: "claude-sonnet-5-5", max_tokens: 1_000, stream: true, messages: [{ role: "user", content: "Hello" }] };
const USAGE = { inputTokens: 1_000, cachedInputTokens: 400, cacheWriteTokens: 100, outputTokens: 50, reasoningTokens: 0 };

let plane: StubControlPlane;
let model: ModelServer;
let bench: GatewayBench;

beforeAll(async () => {
  plane = await StubControlPlane.start();
  model = await startModelServer({ scenario: { turns: [{ steps: [{ text: "Hi." }] }] }, key: REAL_KEY });
  const settings = `protocol: anthropic, baseUrl: "${model.baseUrl}/v1", models: ["claude-*"], silenceTimeoutSeconds: 1`;
  bench = await GatewayBench.create({ url: plane.url, config: `providers:\n  claude: {${settings}, key: TEST_KEY}\n  keyless: {${settings}, key: NO_KEY}\n` });
  await bench.start();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
beforeEach(() => plane.reset());

const VERSIONED = { authorization: "", "anthropic-version": "2023-06-01", "anthropic-beta": "b-1" };
const ask = (body: object = MESSAGE, options: AskOptions = {}, token: string = ATTEMPT_TOKEN) =>
  bench.ask({ path: "/claude/v1/messages?beta=true", headers: { ...VERSIONED, ...(token === "" ? {} : { "x-api-key": token }) }, body, ...options });
const newest = () => model.requests.all.at(-1);

test("a stream passes, with the key as x-api-key, and is settled with what both of its usages say", async () => {
  model.play({ turns: [{ steps: [{ reasoning: "Hm.", text: "Hi.", usage: USAGE }] }] });
  const answer = await ask();
  expect(answer).toMatchObject({ status: 200, cut: false });
  expect(answer.body).toMatch(/^event: message_start\n/);
  expect(answer.body).toMatch(/"message_stop"\}\n\n$/);
  expect(newest()).toMatchObject({
    path: "/v1/messages",
    headers: { "x-api-key": REAL_KEY, "anthropic-version": "2023-06-01", "anthropic-beta": "b-1" },
    body: MESSAGE,
  });
  expect(newest()?.headers).not.toHaveProperty("authorization");
  expect(plane.call.reserved).toMatchObject({ token: ATTEMPT_TOKEN, provider: "claude", model: "claude-sonnet-5-5", outputTokens: 1_000 });
  const { usage, ...settled } = await plane.settlement();
  expect(settled).toMatchObject({ outcome: "ok", status: 200, failure: null });
  expect(usage).toMatchObject({ inputTokens: 1_000, cachedInputTokens: 400, outputTokens: 50 });
  expect(usage?.costUsd).toBeCloseTo((500 * 2 + 400 * 0.1 + 100 * 2.5 + 50 * 10) / 1e6, 12);
});

test.each([
  [{ status: 401 }, "BACKEND_AUTH"],
  [{ status: 429, retryAfterSeconds: 7 }, "BACKEND_RATE_LIMITED"],
  [{ status: 529 }, "MODEL_OVERLOADED"],
  [{ meaning: "quota" }, "BACKEND_QUOTA"],
  [{ meaning: "context" }, "CONTEXT_TOO_LONG"],
  [{ status: 529, inStream: true }, "MODEL_OVERLOADED"],
] as const)("what Anthropic refuses is settled first: %j is %s", async (error, code) => {
  model.play({ turns: [{ steps: [{ error }] }] });
  const answer = await ask();
  expect(plane.call.settled).toMatchObject({ outcome: "failed", failure: { code, details: { vendorType: expect.any(String) } }, usage: { inputTokens: 0 } });
  if (!("inStream" in error)) expect(JSON.parse(answer.body)).toMatchObject({ type: "error", error: { type: expect.any(String) } });
});

test.each([
  ["cut", "MODEL_UNREACHABLE"],
  ["silent-in-stream", "MODEL_TIMEOUT"],
] as const)("a stream that is %s is %s, and is charged its reservation", async (stop, code) => {
  model.play({ turns: [{ steps: [{ stop, text: "I was about to" }] }] });
  expect(await ask()).toMatchObject({ cut: true });
  expect(await plane.settlement()).toMatchObject({ outcome: "failed", failure: { code }, usage: null });
});

test("tokens are counted for nothing, but not for a stranger", async () => {
  const path = "/claude/v1/messages/count_tokens?beta=true";
  const { stream: _, max_tokens: __, ...body } = MESSAGE;
  const answer = await ask(body, { path });
  expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { input_tokens: expect.any(Number) }]);
  expect(newest()?.path).toBe("/v1/messages/count_tokens");
  expect(plane.call.reserved).toMatchObject({ inputTokens: 0, outputTokens: 0 });
  expect(await plane.settlement()).toMatchObject({ outcome: "ok", usage: { inputTokens: 0, outputTokens: 0, costUsd: 0 } });
  const stranger = await ask(body, { path }, "nobody");
  expect([stranger.status, JSON.parse(stranger.body)]).toMatchObject([401, { type: "error", error: { type: "authentication_error" } }]);
});

test.each([
  ["another model", { ...MESSAGE, model: "gpt-5" }, {}, 400, "invalid_request_error", "MODEL_NOT_ALLOWED"],
  ["no JSON object", [], {}, 400, "invalid_request_error", "INVALID_REQUEST"],
  ["no key", MESSAGE, { path: "/keyless/v1/messages" }, 400, "invalid_request_error", "SECRET_MISSING"],
  ["another path", MESSAGE, { path: "/claude/v1/responses" }, 404, "not_found_error", "NOT_FOUND"],
  ["no token", MESSAGE, { headers: VERSIONED }, 401, "authentication_error", "UNAUTHENTICATED"],
] as const)("the gateway's own errors have Anthropic's shape: %s", async (_, body, options, status, type, code) => {
  const answer = await ask(body, Object.hasOwn(options, "headers") ? { headers: { authorization: "" } } : options);
  expect([answer.status, JSON.parse(answer.body)]).toEqual([status, { type: "error", error: { type, message: expect.stringContaining(`${code}: `) } }]);
});

test("a budget without room is told in the same shape", async () => {
  plane.budgetTokens = 10;
  // Nothing is reserved ahead for this one.
  const answer = await ask(MESSAGE, {}, OTHER_TOKEN);
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([400, { error: { message: expect.stringContaining("BUDGET_EXCEEDED") } }]);
});

test("the list of models has Anthropic's shape", async () => {
  const answer = await bench.ask({ method: "GET", path: "/claude/v1/models", body: "" });
  expect(JSON.parse(answer.body)).toMatchObject({ data: [], has_more: false, first_id: null });
});
