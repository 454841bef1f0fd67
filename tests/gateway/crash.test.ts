import { afterEach, beforeEach, expect, test } from "vitest";
import { configFor, GatewayBench, wholeOf } from "./gateway-process.ts";
import { StubControlPlane, spentBy } from "./stub-control-plane.ts";
import { COUNTED, CREATED, delta, json, STREAM, StubVendor, stream } from "./stub-vendor.ts";

let plane: StubControlPlane;
let vendor: StubVendor;
let bench: GatewayBench;

beforeEach(async () => {
  plane = await StubControlPlane.start();
  vendor = await StubVendor.start();
  bench = await GatewayBench.create({ url: plane.url, config: configFor(vendor.baseUrl) });
  await bench.start();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  await vendor[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});

/** Asks, and bears that the gateway may be gone before it answers. */
async function askDying(): Promise<void> {
  try {
    const { response } = await bench.open();
    await wholeOf(response);
  } catch (error) {
    expect(["ECONNRESET", "ECONNREFUSED"]).toContain((error as NodeJS.ErrnoException).code);
  }
}

const kill = async (): Promise<void> => bench.end("SIGKILL");
const reservation = (): number => plane.call.reserved.inputTokens + plane.call.reserved.outputTokens;

/** Starts the next gateway, after which nothing of the earlier one may be open. */
async function restart(): Promise<void> {
  plane.onRequest = () => {};
  plane.onEffect = () => {};
  await bench.start();
  expect(plane.calls.size).toBe(1);
  expect(plane.call.state).not.toBe("open");
  const [first, second] = plane.registrations;
  expect(second?.gatewayId).toBe(first?.gatewayId);
  expect(second?.epoch).not.toBe(first?.epoch);
}

test("killed between reserving and forwarding: charged as reserved", async () => {
  plane.onEffect = async (what, response) => {
    if (what !== "reserve") return;
    await kill();
    response.destroy();
  };
  await askDying();
  expect(vendor.requests).toEqual([]);
  await restart();
  expect([plane.call.state, spentBy(plane.call)]).toEqual(["charged", reservation()]);
});

test("killed before the server knew of the call: nothing is charged", async () => {
  plane.onRequest = async (what, _, response) => {
    if (what !== "reserve") return;
    await kill();
    response.destroy();
  };
  await askDying();
  plane.onRequest = () => {};
  await bench.start();
  expect(plane.calls.size).toBe(0);
});

test("killed while the vendor thinks, and inside its answer: charged as reserved", async () => {
  vendor.answer = async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED + delta("a"));
  };
  const { response } = await bench.open();
  await new Promise((resolve) => response.once("data", resolve));
  const broken = wholeOf(response);
  await kill();
  expect((await broken).cut).toBe(true);
  await restart();
  expect([plane.call.state, spentBy(plane.call)]).toEqual(["charged", reservation()]);
});

test("killed after the answer, before the settlement arrived: settled with what it used, once", async () => {
  vendor.answer = stream(STREAM);
  plane.onRequest = async (what, _, response) => {
    if (what !== "settle") return;
    await kill();
    response.destroy();
  };
  await askDying();
  await plane.until(() => bench.child.signalCode !== null);
  expect(plane.call.state).toBe("open");
  await restart();
  expect(plane.call).toMatchObject({ state: "settled", settlements: 1, settled: { outcome: "ok", usage: COUNTED } });
});

test("killed after the settlement took effect, before its answer: told again, counted once", async () => {
  vendor.answer = stream(STREAM);
  plane.onEffect = async (what, response) => {
    if (what !== "settle") return;
    await kill();
    response.destroy();
  };
  await askDying();
  await plane.until(() => bench.child.signalCode !== null);
  await restart();
  expect(plane.call).toMatchObject({ state: "settled", settlements: 2, settled: { usage: COUNTED } });
  // The outbox is empty now: a third gateway has nothing to tell.
  await kill();
  await bench.start();
  expect(plane.call.settlements).toBe(2);
});

test("killed with a failure that the server has not heard of: it hears of it", async () => {
  vendor.answer = json(429, { error: { code: "insufficient_quota", message: "no quota" } });
  plane.onRequest = async (what, _, response) => {
    if (what !== "settle") return;
    await kill();
    response.destroy();
  };
  await askDying();
  await restart();
  expect(plane.call).toMatchObject({ state: "settled", settled: { failure: { code: "BACKEND_QUOTA" } } });
});

/** Two calls one after the other: the second one begins on what was reserved with the first. */
async function firstOfTwo(): Promise<void> {
  vendor.answer = stream(STREAM);
  await askDying();
  await plane.settlement();
  expect(plane.aheads.size).toBe(1);
}

test("killed with a reservation ahead that no call has begun on: it is free, and nothing is charged", async () => {
  await firstOfTwo();
  await kill();
  await bench.start();
  expect([plane.aheads.size, plane.calls.size]).toEqual([0, 1]);
});

test("killed with a call on a reservation ahead of which the server has not heard: charged as reserved, once", async () => {
  await firstOfTwo();
  const [ahead] = plane.aheads.values();
  plane.onRequest = async (what, _, response) => {
    if (what !== "reserve") return;
    await vendor.until(() => vendor.requests.length === 2);
    await kill();
    response.destroy();
  };
  vendor.answer = (response) => response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED);
  await askDying();
  plane.onRequest = () => {};
  await plane.until(() => bench.child.signalCode !== null);
  await bench.start();
  expect([plane.aheads.size, plane.calls.size]).toEqual([0, 2]);
  const call = plane.calls.get(ahead?.callId ?? "");
  expect(call).toMatchObject({ state: "settled", settlements: 1, settled: { outcome: "cut", usage: null } });
  expect(call && spentBy(call)).toBe((ahead?.inputTokens ?? 0) + (ahead?.outputTokens ?? 0));
});

test("killed inside the answer of a call on a reservation ahead: charged what it had reserved itself", async () => {
  await firstOfTwo();
  vendor.answer = (response) => response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED);
  const { response } = await bench.open();
  const broken = wholeOf(response);
  await plane.until(() => plane.calls.size === 2);
  await kill();
  await broken;
  await bench.start();
  const [first, second] = [...plane.calls.values()];
  expect(second).toMatchObject({ onAhead: true, state: "settled", settled: { outcome: "cut", usage: null } });
  expect(second?.reserved.inputTokens).toBe(first?.reserved.inputTokens);
  expect(plane.aheads.size).toBe(0);
});

test("killed at random moments of many calls: every call is settled or charged, and none is counted twice", async () => {
  vendor.answer = async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED);
    await new Promise((resolve) => setImmediate(resolve));
    response.end(STREAM.slice(CREATED.length));
  };
  for (let round = 0; round < 4; round += 1) {
    let left = 5 + round * 13;
    plane.onEffect = async () => {
      left -= 1;
      if (left === 0) await kill();
    };
    await Promise.allSettled(Array.from({ length: 20 }, () => askDying()));
    // One after the other, on what is reserved ahead.
    while (bench.child.signalCode === null) await askDying();
    await bench.start();
    expect([...plane.calls.values()].filter(({ state }) => state === "open")).toEqual([]);
    expect(plane.aheads.size).toBe(0);
    // Whatever the vendor has seen is counted.
    expect(plane.calls.size).toBeGreaterThanOrEqual(vendor.requests.length);
  }
  expect(plane.strangers).toEqual([]);
});

test("told to stop, it breaks calls off and settles them before it ends", async () => {
  vendor.answer = (response) => response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED);
  const { response } = await bench.open();
  const broken = wholeOf(response);
  await bench.end("SIGTERM");
  expect((await broken).cut).toBe(true);
  expect(plane.call).toMatchObject({ state: "settled", settled: { outcome: "cut", usage: null } });
  expect(bench.child.exitCode).toBe(0);
});
