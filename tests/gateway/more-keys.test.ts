import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GatewayBench, REAL_KEY } from "./gateway-process.ts";
import { StubControlPlane } from "./stub-control-plane.ts";
import { json, STREAM, StubVendor, stream } from "./stub-vendor.ts";

const SECOND = "sk-the-second-key-0123456789";

let plane: StubControlPlane;
let vendor: StubVendor;
let bench: GatewayBench;

beforeEach(async () => {
  plane = await StubControlPlane.start();
  vendor = await StubVendor.start();
  const provider = `{baseUrl: "${vendor.baseUrl}", key: TEST_KEY, moreKeys: [SECOND_KEY], keyConcurrency: 1}`;
  bench = await GatewayBench.create({ url: plane.url, config: `providers:\n  test: ${provider}\n` });
  await writeFile(join(bench.data, "secrets/gateway/SECOND_KEY"), SECOND, { mode: 0o600 });
  await bench.start();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  await vendor[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});

const keysSent = (): string[] => vendor.requests.map(({ headers }) => String(headers.authorization).replace("Bearer ", ""));
/** Refuses the first key, answers with the second. */
const refuseFirst = (status: number, code: string) => {
  vendor.answer = (response, request) =>
    request.headers.authorization === `Bearer ${REAL_KEY}`
      ? json(status, { error: { message: code, code } })(response, request)
      : stream(STREAM)(response, request);
};

test.each([
  [401, "invalid_api_key"],
  [429, "insufficient_quota"],
  [429, "rate_limit_exceeded"],
])("a key that is refused (%i %s) gives way to the next one, and the agent hears nothing of it", async (status, code) => {
  refuseFirst(status, code);
  expect(await bench.ask()).toMatchObject({ status: 200, cut: false });
  expect(keysSent()).toEqual([REAL_KEY, SECOND]);
  expect(await plane.settlement()).toMatchObject({ outcome: "ok", failure: null });
  // It rests: the next call does not try it again.
  expect((await bench.ask()).status).toBe(200);
  expect(keysSent()).toEqual([REAL_KEY, SECOND, SECOND]);
  expect(bench.log).toContain('"key":"TEST_KEY","next":"SECOND_KEY"');
  expect(bench.log).not.toMatch(/sk-the-(real|second)/);
});

test("where every key is refused, the last one's failure is the call's, with the key's name", async () => {
  vendor.answer = json(401, { error: { message: "no such key" } });
  expect((await bench.ask()).status).toBe(401);
  expect(keysSent()).toEqual([REAL_KEY, SECOND]);
  expect(plane.call.settled).toMatchObject({ outcome: "failed", failure: { code: "BACKEND_AUTH", details: { key: "SECOND_KEY" } } });
});

test("what is no matter of the key is not tried with another one", async () => {
  vendor.answer = json(500, { error: { message: "sorry" } });
  expect((await bench.ask()).status).toBe(500);
  expect(keysSent()).toEqual([REAL_KEY]);
});

test("two calls at once have a key each; a third waits for one of them", async () => {
  const open: Array<() => void> = [];
  vendor.answer = (response, request) => void open.push(() => stream(STREAM)(response, request));
  const asked = [bench.ask(), bench.ask(), bench.ask()];
  await vendor.until(() => vendor.requests.length === 2);
  expect(keysSent().sort()).toEqual([REAL_KEY, SECOND].sort());
  open.shift()?.();
  await vendor.until(() => vendor.requests.length === 3);
  for (const answer of open.splice(0)) answer();
  await vendor.until(() => open.length > 0 || vendor.requests.length === 3);
  for (const answer of open.splice(0)) answer();
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200]);
});
