import { newId } from "@slipway/protocol/scalars";
import { pino } from "pino";
import { expect, test } from "vitest";
import { Recordings } from "../../apps/gateway/src/cassette/recordings.ts";
import { Tapes } from "../../apps/gateway/src/cassette/tapes.ts";
import { configPlace, readConfig } from "../../apps/gateway/src/config-file.ts";
import { GatewayServer } from "../../apps/gateway/src/http/gateway-server.ts";
import { KeyRing } from "../../apps/gateway/src/key-ring.ts";
import { Keys } from "../../apps/gateway/src/keys.ts";
import { ServerCaller } from "../../apps/gateway/src/server-caller.ts";
import { OpenCalls } from "../../apps/gateway/src/spend/open-calls.ts";
import { Outbox } from "../../apps/gateway/src/spend/outbox.ts";
import { reservedAhead } from "../../apps/gateway/src/spend/reserve.ts";
import { Settlements } from "../../apps/gateway/src/spend/settlements.ts";
import { openUpstream } from "../../apps/gateway/src/upstream.ts";
import { configFor, GatewayBench, wholeOf } from "./gateway-process.ts";
import { GATEWAY_TOKEN, StubControlPlane } from "./stub-control-plane.ts";
import { COMPLETED, CREATED, StubVendor } from "./stub-vendor.ts";

const body = { model: "m", input: "hi", stream: true, max_output_tokens: 1_000 };

test("a call that waits in vain for its budget ends in 429, and was never sent", async () => {
  await using plane = await StubControlPlane.start();
  await using vendor = await StubVendor.start();
  await using bench = await GatewayBench.create({ config: configFor(vendor.baseUrl) });
  const log = pino({ level: "silent" });
  const { config } = readConfig(configPlace(bench.data, {}));
  using outbox = new Outbox(`${bench.data}/outbox.jsonl`, (error) => expect.fail(String(error)));
  const server = new ServerCaller({ url: plane.url, token: GATEWAY_TOKEN });
  const settlements = new Settlements(server, outbox, log);
  const upstream = openUpstream({});
  // In this process, because no user sets how long a call waits.
  const gateway = new GatewayServer({ config: () => config, log });
  await gateway.listen(bench.socket);
  const gatewayId = newId();
  const ahead = reservedAhead(settlements, gatewayId);
  const cassettes = { recordings: new Recordings(server, log), tapes: new Tapes(server), secrets: () => [] };
  const keys = new KeyRing(new Keys(bench.data));
  const shared = { gatewayId, epoch: newId(), server, calls: new OpenCalls(), ahead, settlements, keys, ...cassettes, upstream, log };
  gateway.open({ ...shared, waitLimitMs: 200 });
  try {
    plane.budgetTokens = 1_800;
    const { promise: release, resolve: goOn } = Promise.withResolvers<void>();
    vendor.answer = async (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(CREATED);
      await release;
      response.end(COMPLETED);
    };
    const first = await bench.open({ body });
    const startedAt = performance.now();
    const second = await bench.ask({ body });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(200);
    expect(second).toMatchObject({ status: 429, json: { error: { code: "BUDGET_EXCEEDED", type: "rate_limit_error" } } });
    expect(second.headers["retry-after"]).toBeDefined();
    expect([vendor.requests.length, plane.calls.size]).toEqual([1, 1]);
    goOn();
    expect((await wholeOf(first.response)).cut).toBe(false);
    await plane.until(() => plane.call.state === "settled");
  } finally {
    await gateway.close(1_000);
    await settlements.close(1_000);
    server.destroy();
    await upstream.destroy();
  }
});
