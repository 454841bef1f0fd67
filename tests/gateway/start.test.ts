import { once } from "node:events";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestAuthority } from "../support/authority.ts";
import { configFor, GatewayBench } from "./gateway-process.ts";
import { StubControlPlane } from "./stub-control-plane.ts";
import { STREAM, StubVendor, stream } from "./stub-vendor.ts";

let plane: StubControlPlane;
let vendor: StubVendor;
const benches: GatewayBench[] = [];

beforeEach(async () => {
  plane = await StubControlPlane.start();
  vendor = await StubVendor.start();
});
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench[Symbol.asyncDispose]();
  await vendor[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});

async function bench(options: { url?: string; config?: string } = {}): Promise<GatewayBench> {
  const made = await GatewayBench.create({ config: configFor(vendor.baseUrl), ...options });
  benches.push(made);
  return made;
}

test("without --url it waits for its parent to tell where the server listens, then for that server", async () => {
  await plane.kill();
  const waiting = await bench();
  const child = waiting.spawn();
  child.send({ type: "server", url: plane.url });
  const ready = once(child, "message");
  const { promise: tried, resolve } = Promise.withResolvers<void>();
  child.stderr?.on("data", (chunk) => {
    if (String(chunk).includes("could not register")) resolve();
  });
  await tried;
  // Agents hear that it is not there yet, and do not hang.
  expect(await waiting.ask()).toMatchObject({ status: 503, json: { error: { code: "GATEWAY_UNAVAILABLE" } } });
  await plane.listen();
  expect((await ready)[0]).toEqual({ type: "ready" });
  expect((await stat(join(waiting.data, "run"))).mode & 0o777).toBe(0o700);
  expect((await stat(waiting.socket)).mode & 0o777).toBe(0o600);
  vendor.answer = stream(STREAM);
  expect((await waiting.ask()).body).toBe(STREAM);
});

test("a vendor behind certificates of a company's own is reached where the installation names them, and only there", async () => {
  await using authority = await TestAuthority.make();
  const config = configFor(await authority.inFrontOf(vendor.baseUrl));
  vendor.answer = stream(STREAM);
  const trusting = await bench({ url: plane.url, config });
  await trusting.start({ SLIPWAY_EXTRA_CA_CERTS: authority.file });
  expect(await trusting.ask()).toMatchObject({ status: 200, body: STREAM });
  const other = await bench({ url: plane.url, config });
  await other.start();
  expect((await other.ask()).status).toBe(502);
});

test("it ends when its parent goes", async () => {
  const orphan = await bench({ url: plane.url });
  await orphan.start();
  const gone = once(orphan.child, "exit");
  orphan.child.disconnect();
  expect((await gone)[1]).toBeNull();
});

test("a second gateway of the same data folder is refused", async () => {
  const first = await bench({ url: plane.url });
  await first.start();
  const { child } = first;
  const second = first.spawn();
  expect((await once(second, "exit"))[0]).toBe(1);
  expect(first.log).toContain("DATA_FOLDER_IN_USE");
  child.kill("SIGKILL");
  await once(child, "exit");
});

test("a broken configuration ends the start with its line; later it is told, and the old one kept", async () => {
  const broken = await bench({ url: plane.url, config: "providers:\n  test: {baseUrl: 3}\n" });
  expect((await once(broken.spawn(), "exit"))[0]).toBe(1);
  expect(broken.log).toContain("gateway.yaml:2:19: providers.test.baseUrl");
  await writeFile(join(broken.data, "gateway.yaml"), configFor(vendor.baseUrl));
  await broken.start();
  vendor.answer = stream(STREAM);
  expect((await broken.ask()).status).toBe(200);
  const { promise: told, resolve } = Promise.withResolvers<void>();
  broken.child.stderr?.on("data", (chunk) => {
    if (String(chunk).includes("the changed configuration is not taken")) resolve();
  });
  await writeFile(join(broken.data, "gateway.yaml"), "provider: none\n");
  let waiting = true;
  void told.then(() => {
    waiting = false;
  });
  while (waiting) expect((await broken.ask()).status).toBe(200);
});

test("a token that the server does not take ends it", async () => {
  const refused = await bench({ url: plane.url });
  await writeFile(join(refused.data, "token"), "wrong\n");
  expect((await once(refused.spawn(), "exit"))[0]).toBe(1);
  expect(refused.log).toContain("UNAUTHENTICATED");
});
