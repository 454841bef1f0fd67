import { createServer } from "node:net";
import type { ErrorCode } from "@slipway/protocol/errors";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { GatewayBench, REAL_KEY } from "./gateway-process.ts";
import { OTHER_TOKEN, StubControlPlane } from "./stub-control-plane.ts";
import { COUNTED, CREATED, delta, json, StubVendor, sse, stream, USAGE } from "./stub-vendor.ts";

const ZEROS = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 };

let plane: StubControlPlane;
let vendor: StubVendor;
let bench: GatewayBench;

/** A port where nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

beforeAll(async () => {
  plane = await StubControlPlane.start();
  vendor = await StubVendor.start();
  const timeouts = "headersTimeoutSeconds: 1, silenceTimeoutSeconds: 1";
  const config = `providers:
  test: {baseUrl: "${vendor.baseUrl}", key: TEST_KEY, models: [m], ${timeouts}}
  dead: {baseUrl: "http://127.0.0.1:${await deadPort()}/v1"}
  nowhere: {baseUrl: "http://slipway-test.invalid/v1"}
  plain: {baseUrl: "${vendor.baseUrl.replace("http:", "https:")}"}
  keyless: {baseUrl: "${vendor.baseUrl}", key: NO_SUCH_KEY}
`;
  bench = await GatewayBench.create({ url: plane.url, config });
  await bench.start();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await vendor[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
beforeEach(() => {
  plane.reset();
  vendor.requests.length = 0;
});

describe("an error's status becomes a code, is settled first and passes on byte for byte", () => {
  const error = (code: string, message: string) => ({ error: { message, type: "t", param: null, code } });
  test.each<[number, object | string, ErrorCode, object]>([
    [401, error("invalid_api_key", "Incorrect API key provided"), "BACKEND_AUTH", {}],
    [403, error("unsupported_country", "no"), "BACKEND_AUTH", {}],
    [429, error("insufficient_quota", "You exceeded your current quota, please check your plan and billing details."), "BACKEND_QUOTA", {}],
    [429, error("rate_limit_exceeded", "Rate limit reached"), "BACKEND_RATE_LIMITED", { "retry-after": "7" }],
    [400, error("context_length_exceeded", "too long"), "CONTEXT_TOO_LONG", {}],
    [400, error("unknown_parameter", "no such thing"), "MODEL_REFUSED", {}],
    [404, error("model_not_found", "no such model"), "MODEL_REFUSED", {}],
    [500, error("server_error", "sorry"), "MODEL_OVERLOADED", {}],
    [503, "<html>busy</html>", "MODEL_OVERLOADED", { "retry-after": "2" }],
    [529, "", "MODEL_OVERLOADED", {}],
    [302, "", "MODEL_UNREACHABLE", { location: "http://elsewhere.example" }],
  ])("%i %j: %s", async (status, body, code, headers) => {
    vendor.answer = json(status, body, headers as Record<string, string>);
    const answer = await bench.ask();
    // The agent has its answer only now; the server had the settlement before.
    expect(plane.call.settled).toMatchObject({ outcome: "failed", status, usage: ZEROS, failure: { code, details: { provider: "test", model: "m", status } } });
    expect(answer).toMatchObject({ status, body: typeof body === "string" ? body : JSON.stringify(body) });
    const after = (headers as Record<string, string>)["retry-after"];
    expect(plane.call.settled?.retryAfterMs).toBe(after === undefined ? undefined : Number(after) * 1_000);
    if (after !== undefined) expect(answer.headers["retry-after"]).toBe(after);
    expect(answer.headers).not.toHaveProperty("location");
  });
});

describe("an error inside a stream", () => {
  const failed = (error: object, usage: object | null = null) => sse({ type: "response.failed", response: { status: "failed", error, usage } });
  test.each<[string, string, ErrorCode, object | null]>([
    ["before the model began", CREATED + failed({ code: "rate_limit_exceeded", message: "Please try again in 1.5s." }), "BACKEND_RATE_LIMITED", ZEROS],
    ["after it began", CREATED + delta("a") + failed({ code: "server_error", message: "sorry" }), "MODEL_OVERLOADED", null],
    ["that tells its usage", CREATED + delta("a") + failed({ code: "server_error", message: "sorry" }, USAGE), "MODEL_OVERLOADED", COUNTED],
    ["as an error event", sse({ type: "error", code: "context_length_exceeded", message: "too long", param: null }), "CONTEXT_TOO_LONG", ZEROS],
    ["that ends too early", CREATED + delta("a"), "MODEL_UNREACHABLE", null],
  ])("%s", async (_, text, code, usage) => {
    vendor.answer = stream(text);
    const answer = await bench.ask();
    expect(plane.call.settled).toMatchObject({ outcome: "failed", status: 200, failure: { code } });
    expect(plane.call.settled?.usage).toEqual(usage);
    expect(answer).toMatchObject({ status: 200, body: text, cut: false });
  });

  test("is held back until the server has its settlement", async () => {
    const { promise: settling, resolve: begins } = Promise.withResolvers<void>();
    const { promise: release, resolve: goOn } = Promise.withResolvers<void>();
    plane.onRequest = async (what) => {
      if (what !== "settle") return;
      begins();
      await release;
    };
    vendor.answer = stream(CREATED + failed({ code: "server_error", message: "sorry" }));
    const { response } = await bench.open();
    let text = "";
    response.on("data", (chunk) => {
      text += String(chunk);
    });
    const ended = new Promise((resolve) => response.once("end", resolve));
    await settling;
    expect(text).not.toContain("server_error");
    goOn();
    await ended;
    expect(text).toContain("server_error");
  });

  test("of Chat, and in an answer that is no stream", async () => {
    vendor.answer = stream('data: {"error":{"message":"slow down","code":429}}\n\n');
    await bench.ask({ path: "/test/v1/chat/completions", body: { model: "m", stream: true } });
    expect(plane.call.settled).toMatchObject({ failure: { code: "BACKEND_RATE_LIMITED" } });
    plane.reset();
    vendor.answer = json(200, { status: "failed", error: { code: "server_error", message: "sorry" }, usage: null });
    await bench.ask();
    expect(plane.call.settled).toMatchObject({ failure: { code: "MODEL_OVERLOADED" }, usage: ZEROS });
  });
});

describe("time-outs and lost connections", () => {
  test("no head in time: 504", async () => {
    vendor.answer = () => undefined;
    const answer = await bench.ask();
    expect(answer).toMatchObject({ status: 504, json: { error: { code: "MODEL_TIMEOUT" } } });
    expect(plane.call.settled).toMatchObject({ outcome: "failed", status: null, usage: null, firstByteMs: null, failure: { code: "MODEL_TIMEOUT" } });
  });

  test("silence inside a stream cuts it", async () => {
    vendor.answer = (response) => response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED + delta("a"));
    const answer = await bench.ask();
    expect(answer).toMatchObject({ status: 200, body: CREATED + delta("a"), cut: true });
    expect(plane.call.settled).toMatchObject({ outcome: "failed", status: 200, usage: null, failure: { code: "MODEL_TIMEOUT" } });
  });

  test("a vendor that breaks off", async () => {
    vendor.answer = (response) => response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED, () => response.destroy());
    expect(await bench.ask()).toMatchObject({ status: 200, cut: true });
    expect(plane.call.settled).toMatchObject({ outcome: "failed", failure: { code: "MODEL_UNREACHABLE" } });
  });

  test.each([
    ["dead", "ECONNREFUSED"],
    ["nowhere", "ENOTFOUND"],
    ["plain", "ERR_SSL"],
  ])("a vendor that cannot be reached: %s", async (provider, cause) => {
    const answer = await bench.ask({ path: `/${provider}/v1/responses` });
    expect(answer).toMatchObject({ status: 502, json: { error: { code: "MODEL_UNREACHABLE" } } });
    const { settled } = plane.call;
    expect(settled).toMatchObject({ outcome: "failed", status: null, usage: ZEROS, failure: { code: "MODEL_UNREACHABLE" } });
    // A resolver that is not there says EAI_AGAIN.
    expect(String(settled?.failure?.details["cause"]).replace("EAI_AGAIN", "ENOTFOUND")).toContain(cause);
  });
});

describe("what the gateway itself refuses is settled too, with nothing reserved", () => {
  test.each<[string, object, ErrorCode, object]>([
    ["another model", { body: { model: "other" } }, "MODEL_NOT_ALLOWED", { model: "other" }],
    ["a demanded hosted tool", { body: { model: "m", tool_choice: { type: "web_search" } } }, "MODEL_NOT_ALLOWED", { tool: "web_search" }],
    ["background", { body: { model: "m", background: true } }, "MODEL_NOT_ALLOWED", { field: "background" }],
    ["a missing key", { path: "/keyless/v1/responses" }, "SECRET_MISSING", { key: "NO_SUCH_KEY" }],
  ])("%s", async (_, options, code, details) => {
    const answer = await bench.ask(options);
    expect(answer).toMatchObject({ status: 400, json: { error: { code, type: "invalid_request_error" } } });
    expect(plane.call.reserved).toMatchObject({ inputTokens: 0, outputTokens: 0, costUsd: 0 });
    expect(plane.call.settled).toMatchObject({ outcome: "failed", status: null, usage: ZEROS, failure: { code, details } });
    expect(vendor.requests).toEqual([]);
  });
});

test("a vendor that repeats the key does not give it away", async () => {
  vendor.answer = json(401, { error: { message: `Incorrect API key provided: ${REAL_KEY}`, code: "invalid_api_key" } }, { "openai-echo": REAL_KEY });
  const answer = await bench.ask();
  expect(answer.status).toBe(401);
  expect(answer.body).toContain("Incorrect API key provided: ***");
  const everything = JSON.stringify([answer, [...plane.calls.values()]]) + bench.log;
  expect(everything).toContain("BACKEND_AUTH");
  expect(everything).not.toContain(REAL_KEY);
  expect(bench.log).not.toContain("slipmodel_");
});

test("a server that is away: 503 with a time to wait, and a failure that waits for it is sent later", async () => {
  // An attempt for whose next call nothing is reserved yet.
  const headers = { authorization: `Bearer ${OTHER_TOKEN}` };
  await plane.kill();
  const refused = await bench.ask({ headers });
  expect(refused).toMatchObject({ status: 503, json: { error: { code: "GATEWAY_UNAVAILABLE" } } });
  expect(refused.headers["retry-after"]).toBe("5");
  await plane.listen();
  vendor.answer = async (response) => {
    await plane.kill();
    json(500, { error: { message: "sorry" } })(response, { method: "", url: "", headers: {}, body: "" });
  };
  expect((await bench.ask({ headers })).status).toBe(500);
  expect(plane.call.state).toBe("open");
  await plane.listen();
  expect(await plane.settlement()).toMatchObject({ failure: { code: "MODEL_OVERLOADED" } });
});

test("a kept connection that the vendor just closed costs nobody anything: the request is sent again, once", async () => {
  const used = new WeakSet<object>();
  vendor.answer = (response, request) => {
    const { socket } = response;
    if (socket && used.has(socket)) return socket.destroy();
    if (socket) used.add(socket);
    return json(200, { usage: USAGE })(response, request);
  };
  expect((await bench.ask()).status).toBe(200);
  await plane.settlement();
  plane.reset();
  vendor.requests.length = 0;
  expect((await bench.ask()).status).toBe(200);
  expect(vendor.requests.length).toBe(2);
  expect(await plane.settlement()).toMatchObject({ outcome: "ok", usage: COUNTED });
});
