import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { configFor, GatewayBench, wholeOf } from "./gateway-process.ts";
import { StubControlPlane, spentBy } from "./stub-control-plane.ts";
import { COMPLETED, CREATED, STREAM, StubVendor, stream } from "./stub-vendor.ts";

let plane: StubControlPlane;
let vendor: StubVendor;
let bench: GatewayBench;
const body = { model: "m", input: "hi", stream: true, max_output_tokens: 1_000 };

beforeAll(async () => {
  plane = await StubControlPlane.start();
  vendor = await StubVendor.start();
  const others = ["claude: { protocol: anthropic", "gemini: { protocol: gemini"]
    .map((one) => `  ${one}, baseUrl: ${vendor.baseUrl}, key: TEST_KEY }\n`)
    .join("");
  bench = await GatewayBench.create({ url: plane.url, config: configFor(vendor.baseUrl, others) });
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

test("a call that can never fit is refused with a status that no agent tries again", async () => {
  plane.budgetTokens = 500;
  const answer = await bench.ask({ body });
  expect(answer).toMatchObject({ status: 400, json: { error: { code: "BUDGET_EXCEEDED" } } });
  expect(vendor.requests).toEqual([]);
});

test("a call waits for what another one holds, and goes on when that is settled", async () => {
  // Room for one reservation and a few small calls, not for two reservations.
  plane.budgetTokens = 1_800;
  const { promise: release, resolve: goOn } = Promise.withResolvers<void>();
  vendor.answer = async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED);
    await release;
    response.end(COMPLETED);
  };
  const first = await bench.open({ body });
  let refusals = 0;
  const { promise: refused, resolve: wasRefused } = Promise.withResolvers<void>();
  plane.onRequest = (what, _, response) => {
    if (what !== "reserve") return;
    response.once("finish", () => {
      if (response.statusCode !== 422) return;
      refusals += 1;
      wasRefused();
    });
  };
  const second = bench.ask({ body });
  await refused;
  expect(vendor.requests.length).toBe(1);
  goOn();
  expect((await wholeOf(first.response)).cut).toBe(false);
  expect((await second).status).toBe(200);
  expect(refusals).toBeLessThanOrEqual(2);
  await plane.until(() => [...plane.calls.values()].every(({ state }) => state === "settled"));
});

test("an agent that gives up waiting leaves nothing behind", async () => {
  plane.budgetTokens = 1_800;
  const { promise: release, resolve: goOn } = Promise.withResolvers<void>();
  vendor.answer = async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED);
    await release;
    response.end(COMPLETED);
  };
  const first = await bench.open({ body });
  const { promise: refused, resolve: wasRefused } = Promise.withResolvers<void>();
  plane.onRequest = (what, _, response) => {
    if (what === "reserve") response.once("finish", wasRefused);
  };
  const controller = new AbortController();
  const second = fetchUntil(controller.signal);
  await refused;
  controller.abort();
  await second;
  goOn();
  await wholeOf(first.response);
  await plane.until(() => plane.call.state === "settled");
  expect(plane.calls.size).toBe(1);
});

/** A request that is broken off before its answer begins. */
async function fetchUntil(signal: AbortSignal): Promise<void> {
  const { request } = await import("node:http");
  await new Promise<void>((resolve) => {
    const asking = request({
      socketPath: bench.socket,
      method: "POST",
      path: "/test/v1/responses",
      headers: { authorization: "Bearer slipmodel_attempt" },
      signal,
    });
    asking.once("error", () => resolve());
    asking.end(JSON.stringify(body));
  });
}

test("many calls at once never spend more than the budget", async () => {
  plane.budgetTokens = 4_000;
  vendor.answer = stream(STREAM);
  const answers = await Promise.all(Array.from({ length: 40 }, () => bench.ask({ body })));
  await plane.until(() => [...plane.calls.values()].every(({ state }) => state === "settled"));
  const spent = [...plane.calls.values()].reduce((sum, call) => sum + spentBy(call), 0);
  expect(spent).toBeLessThanOrEqual(4_000);
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200).length).toBe(plane.calls.size);
  expect(new Set(statuses)).toEqual(new Set([200, 400]));
});

test.each([
  ["/test/v1/responses", body, { error: { code: "DAY_BUDGET_EXCEEDED", message: expect.stringContaining("DAY_BUDGET_EXCEEDED: The day") } }],
  [
    "/claude/v1/messages",
    { model: "m", max_tokens: 10, messages: [] },
    { type: "error", error: { type: "rate_limit_error", message: expect.stringContaining("DAY_BUDGET_EXCEEDED") } },
  ],
  [
    "/gemini/v1beta/models/m:generateContent",
    { contents: [] },
    { error: { code: 429, status: "RESOURCE_EXHAUSTED", message: expect.stringContaining("DAY_BUDGET_EXCEEDED") } },
  ],
])("a day that is used up is 429 in the shape of each vendor, with the time until the next one: %s", async (path, asked, json) => {
  plane.dayRefusal = { waiting: false, retryAfterMs: 7_200_500 };
  const answer = await bench.ask({ path, body: asked });
  expect(answer).toMatchObject({ status: 429, json });
  expect(answer.headers["retry-after"]).toBe("7201");
  expect(vendor.requests).toEqual([]);
});

test("a call waits while other jobs hold what is left of the day, and asks again by itself", async () => {
  plane.dayRefusal = { waiting: true };
  plane.onRequest = (what, _, response) => {
    if (what === "reserve") response.once("finish", () => (plane.dayRefusal = null));
  };
  vendor.answer = stream(STREAM);
  expect((await bench.ask({ body })).status).toBe(200);
});
