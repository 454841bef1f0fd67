import { SlipwayError } from "@slipway/protocol/errors";
import { afterEach, beforeEach, expect, test } from "vitest";
import { configFor, GatewayBench, wholeOf } from "./gateway-process.ts";
import { StubControlPlane, spentBy } from "./stub-control-plane.ts";
import { COMPLETED, COUNTED, CREATED, STREAM, StubVendor, stream } from "./stub-vendor.ts";

let plane: StubControlPlane;
let vendor: StubVendor;
let bench: GatewayBench;
const bodyOf = (maxOutputTokens: number) => ({ model: "m", input: "hi", stream: true, max_output_tokens: maxOutputTokens });

beforeEach(async () => {
  plane = await StubControlPlane.start();
  vendor = await StubVendor.start();
  vendor.answer = stream(STREAM);
  bench = await GatewayBench.create({ url: plane.url, config: configFor(vendor.baseUrl) });
  await bench.start();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  await vendor[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});

/** A call with which the next one is reserved. */
async function firstCall(body = bodyOf(1_000)): Promise<void> {
  expect((await bench.ask({ body })).status).toBe(200);
  await plane.settlement();
  expect(plane.aheads.size).toBe(1);
}

/** The answer stands open until it is released. */
function answerUntil(release: Promise<void>): void {
  vendor.answer = async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED);
    await release;
    response.end(COMPLETED);
  };
}

test("the next call is sent before the server has heard of it, and is its own reservation from then on", async () => {
  await firstCall();
  plane.onRequest = async (what) => {
    if (what === "reserve") await vendor.until(() => vendor.requests.length === 2);
  };
  expect((await bench.ask({ body: bodyOf(500) })).status).toBe(200);
  await plane.until(() => plane.calls.size === 2 && [...plane.calls.values()].every(({ state }) => state === "settled"));
  const [first, second] = [...plane.calls.values()];
  expect([first?.onAhead, second?.onAhead]).toEqual([false, true]);
  expect(second?.reserved.outputTokens).toBe(500);
  expect(second).toMatchObject({ settlements: 1, settled: { outcome: "ok", usage: COUNTED } });
  expect(plane.aheads.size).toBe(1);
});

test("one that may take more than is reserved waits for the server, under the same id", async () => {
  await firstCall();
  const [ahead] = plane.aheads.keys();
  plane.onRequest = (what) => {
    if (what === "reserve") expect(vendor.requests.length).toBe(1);
  };
  expect((await bench.ask({ body: bodyOf(90_000) })).status).toBe(200);
  await plane.until(() => [...plane.calls.values()].every(({ state }) => state === "settled"));
  expect([...plane.calls.keys()][1]).toBe(ahead);
});

test("a call that the server does not let begin is broken off, and charged what was reserved", async () => {
  await firstCall();
  const { promise: release, resolve: goOn } = Promise.withResolvers<void>();
  answerUntil(release);
  const { promise: begun, resolve: hasBegun } = Promise.withResolvers<void>();
  plane.onRequest = async (what) => {
    if (what !== "reserve") return;
    await begun;
    throw new SlipwayError("LEASE_LOST");
  };
  const { response } = await bench.open({ body: bodyOf(500) });
  hasBegun();
  expect((await wholeOf(response)).cut).toBe(true);
  await vendor.until(() => vendor.hangUps === 1);
  await plane.until(() => plane.calls.size === 2);
  const call = [...plane.calls.values()][1];
  expect(call).toMatchObject({ state: "settled", settled: { outcome: "cut", usage: null } });
  goOn();
});

test("a server that is away when a call begins hears of it by its settlement", async () => {
  await firstCall();
  plane.onRequest = (what, _, response) => {
    if (what === "reserve") response.destroy();
  };
  expect((await bench.ask({ body: bodyOf(500) })).status).toBe(200);
  await plane.until(() => plane.calls.size === 2);
  expect([...plane.calls.values()][1]).toMatchObject({ onAhead: true, settled: { outcome: "ok", usage: COUNTED } });
  // Nothing is reserved now, so that the next one is refused.
  await plane.kill();
  expect((await bench.ask({ body: bodyOf(500) })).status).toBe(503);
});

test("what no call takes in its time is given back; nothing is charged for it", async () => {
  plane.aheadForMs = 50;
  expect((await bench.ask({ body: bodyOf(1_000) })).status).toBe(200);
  await plane.settlement();
  await plane.until(() => plane.aheads.size === 0);
  expect(plane.calls.size).toBe(1);
});

test("a gateway that is told to stop gives it back", async () => {
  await firstCall();
  await bench.end("SIGTERM");
  expect(plane.aheads.size).toBe(0);
  expect(plane.calls.size).toBe(1);
});

test("it is never what another call of the attempt waits for", async () => {
  plane.budgetTokens = 100_000;
  // So that only giving it back can help.
  plane.aheadForMs = 600_000;
  const { promise: release, resolve: goOn } = Promise.withResolvers<void>();
  answerUntil(release);
  const holding = await bench.open({ body: bodyOf(15_000) });
  expect(plane.aheads.size).toBe(0);
  const { promise: refused, resolve: wasRefused } = Promise.withResolvers<void>();
  plane.onRequest = (what, _, response) => {
    if (what === "reserve") response.once("finish", () => response.statusCode === 422 && wasRefused());
  };
  // More than is left beside the first.
  const waiting = bench.ask({ body: bodyOf(95_000) });
  await refused;
  vendor.answer = stream(STREAM);
  expect((await bench.ask({ body: bodyOf(50) })).status).toBe(200);
  await plane.until(() => [...plane.calls.values()].some(({ state }) => state === "settled"));
  goOn();
  expect((await wholeOf(holding.response)).cut).toBe(false);
  expect((await waiting).status).toBe(200);
  await plane.until(() => [...plane.calls.values()].every(({ state }) => state === "settled"));
  expect([...plane.calls.values()].reduce((sum, call) => sum + spentBy(call), 0)).toBe(3 * (COUNTED.inputTokens + COUNTED.outputTokens));
});
