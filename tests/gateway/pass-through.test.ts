import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { configFor, GatewayBench, REAL_KEY, wholeOf } from "./gateway-process.ts";
import { ATTEMPT_TOKEN, StubControlPlane } from "./stub-control-plane.ts";
import { COMPLETED, COUNTED, CREATED, delta, json, STREAM, StubVendor, stream, USAGE } from "./stub-vendor.ts";

let plane: StubControlPlane;
let vendor: StubVendor;
let bench: GatewayBench;

beforeAll(async () => {
  plane = await StubControlPlane.start();
  vendor = await StubVendor.start();
  const models = "    models: [m, 'gpt-*']\nprices:\n  gpt-test: {input: 2, cachedInput: 1, output: 10, maxOutputTokens: 1000}\n";
  bench = await GatewayBench.create({ url: plane.url, config: configFor(vendor.baseUrl, models) });
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
  vendor.hangUps = 0;
});

test("a stream reaches the agent byte for byte, however it comes in chunks", async () => {
  const text = Buffer.from(CREATED + delta('wörld 🚢\\"usage\\": {').repeat(20) + COMPLETED);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 12 }), async (cuts) => {
      plane.reset();
      vendor.answer = async (response) => {
        response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        for (let index = 1; index < places.length; index += 1) {
          await new Promise((resolve) => response.write(text.subarray(places[index - 1], places[index]), resolve));
          await new Promise((resolve) => setImmediate(resolve));
        }
        response.end();
      };
      const answer = await bench.ask();
      expect(answer.body).toBe(text.toString());
      expect((await plane.settlement()).usage).toEqual(COUNTED);
    }),
    { numRuns: 25 },
  );
});

test("the request reaches the vendor byte for byte, with the key in place of the token", async () => {
  vendor.answer = stream(STREAM);
  const body = '{ "model":"m",  "seed": 12345678901234567890, "input":"\\u00e9 \ud83d\udea2", "stream":true }\n';
  const answer = await bench.ask({ body, headers: { "user-agent": "agent/1", "openai-beta": "b", cookie: "a=b", "x-forwarded-for": "1.1.1.1" } });
  expect(answer).toMatchObject({ status: 200, body: STREAM, headers: { "content-type": "text/event-stream", "x-request-id": "req_1" } });
  const [sent] = vendor.requests;
  expect(sent).toMatchObject({ method: "POST", url: "/v1/responses", body });
  expect(sent?.headers).toMatchObject({ authorization: `Bearer ${REAL_KEY}`, "user-agent": "agent/1", "openai-beta": "b", "accept-encoding": "identity" });
  for (const name of ["cookie", "x-forwarded-for", "x-api-key"]) expect(sent?.headers).not.toHaveProperty(name);
  expect(JSON.stringify(sent)).not.toContain(ATTEMPT_TOKEN);
});

test("an answer that is no stream passes whole, with its usage and its cost", async () => {
  const text = `{\n  "id": "resp_1", "status": "completed", "error": null, "output": [{"text":"é"}],\n  "usage": ${JSON.stringify(USAGE)}\n}\n`;
  vendor.answer = json(200, text, { "x-ratelimit-remaining-tokens": "5", "openai-model": "gpt-test", server: "x" });
  const answer = await bench.ask({ body: { model: "gpt-test", input: "hi" } });
  expect(answer).toMatchObject({ status: 200, body: text, headers: { "x-ratelimit-remaining-tokens": "5", "openai-model": "gpt-test" } });
  expect(answer.headers).not.toHaveProperty("server");
  const settled = await plane.settlement();
  expect(settled).toMatchObject({ outcome: "ok", status: 200, failure: null });
  expect(settled.usage).toEqual({ ...COUNTED, costUsd: (60 * 2 + 40 * 1 + 20 * 10) / 1e6 });
  expect(settled.durationMs).toBeGreaterThanOrEqual(settled.firstByteMs ?? Number.POSITIVE_INFINITY);
  const { reserved } = plane.call;
  expect(reserved).toMatchObject({ token: ATTEMPT_TOKEN, provider: "test", model: "gpt-test", outputTokens: 1_000 });
  expect(reserved.costUsd).toBeCloseTo((reserved.inputTokens * 2 + 1_000 * 10) / 1e6, 12);
});

test("Chat streams are asked for their usage, and the agent gets the chunk with it", async () => {
  const usage = { prompt_tokens: 100, prompt_tokens_details: { cached_tokens: 40 }, completion_tokens: 20, completion_tokens_details: { reasoning_tokens: 5 } };
  const chunk = (rest: object): string => `data: ${JSON.stringify({ id: "c", ...rest })}\n\n`;
  vendor.answer = (response, request) => {
    const asked = JSON.parse(request.body).stream_options?.include_usage === true;
    const text = chunk({ choices: [{ delta: { content: "hi" } }], usage: null }) + (asked ? chunk({ choices: [], usage }) : "");
    return stream(`${text}data: [DONE]\n\n`)(response, request);
  };
  const answer = await bench.ask({ path: "/test/v1/chat/completions", body: { model: "m", messages: [], stream: true, tools: [{ type: "web_search" }] } });
  expect(JSON.parse(vendor.requests[0]?.body ?? "")).toEqual({ model: "m", messages: [], stream: true, stream_options: { include_usage: true } });
  expect(vendor.requests[0]?.url).toBe("/v1/chat/completions");
  expect(answer.body).toContain('"prompt_tokens":100');
  expect((await plane.settlement()).usage).toEqual(COUNTED);
});

test("a vendor that tells no usage is charged as reserved", async () => {
  vendor.answer = stream('data: {"choices":[]}\n\ndata: [DONE]\n\n');
  await bench.ask({ path: "/test/v1/chat/completions", body: { model: "m", stream: true } });
  expect(await plane.settlement()).toMatchObject({ outcome: "ok", usage: null });
});

test("a slow agent slows the vendor down; the gateway keeps little of the answer", async () => {
  const piece = delta("x".repeat(65_536));
  let written = 0;
  vendor.answer = async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let index = 0; index < 1_000; index += 1) {
      written += piece.length;
      if (!response.write(piece)) await new Promise((resolve) => response.once("drain", resolve));
    }
    response.end(COMPLETED);
  };
  const { response } = await bench.open();
  let read = 0;
  let most = 0;
  for await (const chunk of response) {
    read += chunk.length;
    // The vendor, in this same process, gets several turns for each of the agent.
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, written - read);
  }
  expect(read).toBe(1_000 * piece.length + COMPLETED.length);
  expect(most).toBeLessThan(16 * 1_048_576);
  expect((await plane.settlement()).outcome).toBe("ok");
});

test("an agent that hangs up has the vendor's answer broken off", async () => {
  vendor.answer = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED + delta("a"));
  };
  const { request, response } = await bench.open();
  await new Promise((resolve) => response.once("data", resolve));
  response.on("error", () => undefined);
  request.destroy();
  await vendor.until(() => vendor.hangUps === 1);
  expect(await plane.settlement()).toMatchObject({ outcome: "cut", status: 200, usage: null, failure: null });
});

test("an agent that hangs up on a whole answer has had it", async () => {
  vendor.answer = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(STREAM);
  };
  const { request, response } = await bench.open();
  let text = "";
  await new Promise<void>((resolve) =>
    response.on("data", (chunk) => {
      text += String(chunk);
      if (text.length >= Buffer.from(STREAM).toString("latin1").length - 10) resolve();
    }),
  );
  response.on("error", () => undefined);
  request.destroy();
  expect(await plane.settlement()).toMatchObject({ outcome: "ok", usage: COUNTED });
});

test("the models are told from the lists, and nobody is asked", async () => {
  const answer = await bench.ask({ method: "GET", path: "/test/v1/models?client_version=1" });
  expect(JSON.parse(answer.body)).toMatchObject({ object: "list", data: [{ id: "gpt-test" }, { id: "m", object: "model", owned_by: "test" }] });
  expect([vendor.requests.length, plane.calls.size]).toEqual([0, 0]);
});

test.each<[string, object, number]>([
  ["another path", { path: "/test/v1/files" }, 404],
  ["another provider", { path: "/nobody/v1/responses" }, 404],
  ["another method", { method: "GET", path: "/test/v1/responses" }, 404],
  ["a path that climbs", { path: "/test/v1/../v1/responses" }, 404],
  ["no token", { headers: { authorization: "" } }, 401],
  ["a token that no attempt has", { headers: { authorization: "Bearer nobody" } }, 401],
  ["a compressed body", { headers: { "content-encoding": "gzip" } }, 415],
  ["a form", { headers: { "content-type": "multipart/form-data" } }, 415],
  ["no JSON", { body: "{" }, 400],
])("%s is refused in the vendor's shape of errors", async (_, options, status) => {
  const answer = await bench.ask(options);
  expect(answer.status).toBe(status);
  expect(answer.json.error).toMatchObject({ message: expect.any(String), type: expect.any(String), code: expect.stringMatching(/^[A-Z_]+$/) });
  expect(vendor.requests).toEqual([]);
});

test("x-api-key serves as well, and health needs no token", async () => {
  vendor.answer = stream(STREAM);
  expect((await bench.ask({ headers: { authorization: "", "x-api-key": ATTEMPT_TOKEN } })).status).toBe(200);
  const health = await bench.ask({ method: "GET", path: "/slipway/health", headers: { authorization: "" } });
  expect(JSON.parse(health.body)).toMatchObject({ status: "ok" });
});

test("a body beyond the limit is refused before it is read", async () => {
  const { response } = await bench.open({ headers: { "content-length": String(65 * 1_048_576) }, body: "{" });
  expect(await wholeOf(response)).toMatchObject({ status: 413, json: { error: { code: "PAYLOAD_TOO_LARGE" } } });
});
