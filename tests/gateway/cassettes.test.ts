import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ModelServer, startModelServer } from "../support/model-server/server.ts";
import { type Answered, configFor, GatewayBench, REAL_KEY } from "./gateway-process.ts";
import { ATTEMPT_TOKEN, OTHER_TOKEN, StubControlPlane } from "./stub-control-plane.ts";

const USAGE = { inputTokens: 120, cachedInputTokens: 20, outputTokens: 30, reasoningTokens: 10 };

let plane: StubControlPlane;
let model: ModelServer;
let bench: GatewayBench;
beforeAll(async () => {
  plane = await StubControlPlane.start();
  model = await startModelServer({ scenario: { turns: [{ steps: [{ text: "Hi." }] }] }, key: REAL_KEY });
  const more = `  claude: { protocol: anthropic, baseUrl: "${model.baseUrl}/v1", key: TEST_KEY }\n`;
  bench = await GatewayBench.create({ url: plane.url, config: configFor(`${model.baseUrl}/v1`, more) });
  await bench.start();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
beforeEach(async () => {
  plane.reset();
  // A tape is an attempt's own: of the next test nothing may be known of the one before.
  await bench.end("SIGTERM");
  await bench.start();
});

const request = (input: string) => ({ model: "m", stream: true, input, prompt_cache_key: crypto.randomUUID() });
const settled = async () => await plane.until(() => [...plane.calls.values()].every(({ state }) => state === "settled"));

/** Asks each in turn while it is recorded. */
async function record(...inputs: string[]): Promise<Answered[]> {
  plane.cassette = "record";
  model.play({ turns: [{ steps: inputs.map((input) => ({ text: `About ${input}`, usage: USAGE })) }] });
  const answers: Answered[] = [];
  for (const input of inputs) answers.push(await bench.ask({ body: request(input) }));
  await plane.until(() => plane.recorded.length === inputs.length && plane.calls.size === inputs.length);
  await settled();
  plane.calls.clear();
  return answers;
}

async function replay(...inputs: string[]): Promise<Answered[]> {
  plane.cassette = "replay";
  const answers: Answered[] = [];
  // Another attempt than the one that was recorded.
  const headers = { authorization: `Bearer ${OTHER_TOKEN}` };
  for (const input of inputs) answers.push(await bench.ask({ body: request(input), headers }));
  return answers;
}

describe("a recording", () => {
  test("has each call with its whole stream, in its events, and what it took", async () => {
    const [first, second] = await record("one", "two");
    expect(plane.recorded).toHaveLength(2);
    const [call] = plane.recorded;
    expect(call).toMatchObject({ version: 1, provider: "test", model: "m", path: "/responses", outcome: "ok", usage: { ...USAGE, costUsd: 0 }, failure: null });
    expect(call?.answer).toMatchObject({ status: 200, complete: true, headers: { "content-type": expect.stringContaining("text/event-stream") } });
    expect(call?.answer?.frames.join("")).toBe(first?.body);
    expect(call?.answer?.frames.length).toBeGreaterThan(3);
    for (const frame of call?.answer?.frames ?? []) expect(frame).toMatch(/^event: .*\ndata: .*\n\n$/);
    expect(plane.recorded[1]?.answer?.frames.join("")).toBe(second?.body);
    expect(plane.recorded[1]?.startedAt).toBeGreaterThanOrEqual(call?.endedAt ?? Number.NaN);
  });

  test("has no key, no token and no authorization, in whatever text they stand", async () => {
    const others = ["sk-ant-REDACTME0123456789abcdef", "ghp_REDACTME0123456789abcdefghij", "eyJhbGciOiJIUzI1NiJ9.eyJREDACTME01234.REDACTMEsignature0"];
    const text = `my env: ${ATTEMPT_TOKEN} ${REAL_KEY} ${others.join(" ")} Authorization: Bearer REDACTME-0123456789`;
    plane.cassette = "record";
    model.play({ turns: [{ steps: [{ text: `You said ${text}` }] }] });
    await bench.ask({ body: request(text), headers: { "x-debug": REAL_KEY } });
    await plane.until(() => plane.recorded.length === 1);
    const kept = JSON.stringify(plane.recorded);
    for (const secret of [ATTEMPT_TOKEN, REAL_KEY, "REDACTME", Buffer.from(REAL_KEY).toString("base64")]) expect(kept).not.toContain(secret);
    expect(kept).toContain("my env: *** ***");
    expect(kept).not.toMatch(/"authorization"|"x-api-key"/i);
  });

  test.each([
    ["a stream", { stream: true }],
    ["an answer in one piece", { stream: false }],
  ])("has a call before the agent has the end of its answer: %s", async (_, form) => {
    plane.cassette = "record";
    model.play({ turns: [{ steps: [{ text: "Hi." }] }] });
    const held = Promise.withResolvers<void>();
    plane.beforeRecorded = held.promise;
    const order: string[] = [];
    const asked = bench.ask({ body: { ...request("one"), ...form } }).then((answered) => {
      order.push("answered");
      return answered;
    });
    await plane.until(() => plane.recorded.length === 1);
    // Were the answer over, its end would have been on its way before these.
    for (let count = 0; count < 5; count += 1) await bench.ask({ method: "GET", path: "/slipway/health" });
    order.push("kept");
    held.resolve();
    const answered = await asked;
    expect(order).toEqual(["kept", "answered"]);
    expect(plane.recorded[0]?.answer).toMatchObject({ status: 200, complete: true });
    expect(plane.recorded[0]?.answer?.frames.join("")).toBe(answered.body);
  });

  test("keeps what the vendor refuses, and its replay fails alike; nothing of a job that is not recorded", async () => {
    plane.cassette = "record";
    model.play({ turns: [{ steps: [{ error: { status: 429, type: "insufficient_quota", message: "You exceeded your current quota" } }] }] });
    const refused = await bench.ask({ body: request("one") });
    await plane.until(() => plane.recorded.length === 1);
    expect(plane.recorded[0]).toMatchObject({ outcome: "failed", answer: { status: 429 }, failure: { code: "BACKEND_QUOTA" } });
    await settled();
    plane.calls.clear();
    const [again] = await replay("one");
    expect([again?.status, again?.body]).toEqual([refused.status, refused.body]);
    expect(await plane.settlement()).toMatchObject({ outcome: "failed", failure: { code: "BACKEND_QUOTA" } });

    plane.reset();
    model.play({ turns: [{ steps: [{ text: "Hi." }] }] });
    await bench.ask({ body: request("one"), headers: { authorization: `Bearer ${OTHER_TOKEN}` } });
    await settled();
    expect(plane.recorded).toEqual([]);
  });
});

describe("a replay", () => {
  test("answers byte for byte without a key and without the model; what differs by nature does not count", async () => {
    const inputs = (at: string) => [`Today is ${at}. Look into /tmp/x${at}/a, job ${crypto.randomUUID()}`, "two"];
    const recorded = await record(...inputs("2026-11-28"));
    const asked = model.requests.all.length;
    await bench.end("SIGTERM");
    await rm(join(bench.data, "secrets/gateway/TEST_KEY"));
    try {
      await bench.start();
      const replayed = await replay(...inputs("2027-01-02"));
      expect(replayed.map(({ json }) => json.error?.message)).toEqual([undefined, undefined]);
      expect(replayed.map(({ status, body, headers }) => [status, body, headers["content-type"]])).toEqual(
        recorded.map(({ status, body, headers }) => [status, body, headers["content-type"]]),
      );
      expect(model.requests.all.length).toBe(asked);
      await settled();
      const usages = [...plane.calls.values()].map((call) => call.settled?.usage);
      expect(usages).toEqual([expect.objectContaining(USAGE), expect.objectContaining(USAGE)]);
    } finally {
      await writeFile(join(bench.data, "secrets/gateway/TEST_KEY"), `${REAL_KEY}\n`, { mode: 0o600 });
    }
  });

  test("ends at the first call that is another one, and says which and how it differs", async () => {
    await record("one", "two", "three");
    const [fits, other] = await replay("one", "too");
    expect(fits?.status).toBe(200);
    expect(other).toMatchObject({ status: 400, json: { error: { code: "CASSETTE_MISMATCH" } } });
    const end = [...plane.calls.values()].at(-1)?.settled;
    expect(end).toMatchObject({ outcome: "failed", usage: { inputTokens: 0 }, failure: { code: "CASSETTE_MISMATCH", details: { call: 2, calls: 3 } } });
    expect(end?.failure?.message).toBe(
      "Call 2 of 3 on the cassette of job 7, attempt 1, is not what the agent asks now (- recorded, + asked now):\n- input: two\n+ input: too",
    );
  });

  test("plays each call once, in order, and says when the cassette has run out", async () => {
    await record("one", "two");
    expect((await replay("two"))[0]?.json.error?.code).toBe("CASSETTE_MISMATCH");
    expect((await replay("one", "two")).map(({ status }) => status)).toEqual([200, 200]);
    const [more] = await replay("three");
    expect(more?.json.error?.message).toContain("CASSETTE_MISMATCH: The agent asks for more than is recorded: the cassette of job 7, attempt 1, has 2 calls");
    expect(more?.json.error?.message).toContain("slipway run --record");
  });

  test("goes on after the gateway was killed in its middle", async () => {
    const recorded = await record("one", "two");
    const [first] = await replay("one");
    await settled();
    await bench.end("SIGKILL");
    await bench.start();
    const [second] = await replay("two");
    expect([first?.body, second?.body]).toEqual(recorded.map(({ body }) => body));
  });

  test("takes calls that ran beside each other in either order", async () => {
    await record("one", "two");
    plane.recorded = plane.recorded.map((call, _, [first]) => ({ ...call, startedAt: first?.startedAt ?? 0, endedAt: call.endedAt + 1 }));
    expect((await replay("two", "one")).map(({ status, json }) => json.error?.message ?? status)).toEqual([200, 200]);
  });

  test("of a cassette that is gone says so, in the shape of the vendor that is asked", async () => {
    plane.cassette = "replay";
    const answer = await bench.ask({ path: "/claude/v1/messages", body: { model: "m", max_tokens: 10, messages: [{ role: "user", content: "hi" }] } });
    expect(answer).toMatchObject({ status: 400, json: { type: "error", error: { message: expect.stringContaining("no longer kept") } } });
  });
});
