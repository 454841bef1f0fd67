import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import { newId } from "@slipway/protocol/scalars";
import { afterEach, beforeEach, expect, test } from "vitest";
import { holdLease } from "./lease.ts";

/** Answers renewals with `answer`; a real socket, with nothing of the server behind it. */
let server: Server;
let client: Client;
let renewals: number;
let answer: () => { status: number; body: unknown } | "hang";

beforeEach(async () => {
  renewals = 0;
  server = createServer((_, response) => {
    renewals += 1;
    const said = answer();
    if (said === "hang") return;
    response.writeHead(said.status, { "content-type": "application/json" }).end(JSON.stringify(said.body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  client = new Client({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: "t" });
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const claimed = (ttlMs: number) => ({ completion: { id: newId() }, fence: 1, ttlMs }) as unknown as ClaimedCompletion;
const never = new AbortController().signal;
const lost = (signal: AbortSignal): Promise<SlipwayError> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason), { once: true }));

test("it is renewed for as long as it is held, and no longer", async () => {
  const many = Promise.withResolvers<void>();
  answer = () => {
    if (renewals === 3) many.resolve();
    return { status: 200, body: { ttlMs: 1_000 } };
  };
  {
    await using lease = holdLease(client, claimed(1_000), never);
    await many.promise;
    expect(lease.signal.aborted).toBe(false);
  }
  const before = renewals;
  // The absence of something cannot be waited for: longer than one pause between renewals is all there is.
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(renewals).toBe(before);
});

test("a refusal ends it with LEASE_LOST at once", async () => {
  answer = () => ({ status: 409, body: new SlipwayError("LEASE_LOST").toJSON() });
  await using lease = holdLease(client, claimed(300), never);
  expect(await lost(lease.signal)).toMatchObject({ code: "LEASE_LOST" });
  expect(renewals).toBe(1);
});

test.each([
  ["that is silent", () => "hang" as const],
  ["that fails", () => ({ status: 500, body: "proxy" })],
])("a server %s lets it run out, not a moment later than its time", async (_, says) => {
  answer = says;
  const startedAt = performance.now();
  await using lease = holdLease(client, claimed(400), never);
  expect(await lost(lease.signal)).toMatchObject({ code: "LEASE_LOST" });
  expect(performance.now() - startedAt).toBeGreaterThan(300);
  expect(performance.now() - startedAt).toBeLessThan(1_400);
});

test("a stop ends it with the stop's own reason", async () => {
  answer = () => ({ status: 200, body: { ttlMs: 10_000 } });
  const stop = new AbortController();
  await using lease = holdLease(client, claimed(10_000), stop.signal);
  stop.abort(new SlipwayError("WORKER_STOPPED"));
  expect(lease.signal.reason).toMatchObject({ code: "WORKER_STOPPED" });
});
