import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import type { AppendableEvent } from "@slipway/protocol/events";
import { newId } from "@slipway/protocol/scalars";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AttemptEvents } from "../../apps/worker/src/attempt/event-sink.ts";
import { EventSpool } from "../../apps/worker/src/attempt/event-spool.ts";
import { Uplink } from "../../apps/worker/src/attempt/uplink.ts";
import { StubServer } from "./stub-server.ts";

const log = pino({ level: "silent" });
let stub: StubServer;
let folder: string;
let jobId: string;

beforeEach(async () => {
  stub = await StubServer.start();
  folder = await mkdtemp(join(tmpdir(), "slipway-uplink-"));
  jobId = stub.enqueue();
  await new Client({ url: stub.url, token: "t" }).call("claim", { body: { claimId: newId(), workerId: newId(), kinds: ["task"], waitMs: 0 } });
});
afterEach(async () => {
  await stub[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const message = (text: string): AppendableEvent => ({ kind: "message", data: { role: "agent", text } });

async function attempt(resumed = false): Promise<{ events: AttemptEvents; uplink: Uplink; stop: () => Promise<SlipwayError> }> {
  const spool = await EventSpool.open(join(folder, "events.jsonl"));
  const uplink = new Uplink({ client: new Client({ url: stub.url, token: "t" }), jobId, fence: 1, spool, log, resumed });
  const controller = new AbortController();
  const running = uplink.run(controller.signal);
  const stop = async (): Promise<SlipwayError> => {
    controller.abort(new SlipwayError("WORKER_STOPPED"));
    const reason = await running;
    await spool[Symbol.asyncDispose]();
    return reason;
  };
  return { events: new AttemptEvents(spool, uplink), uplink, stop };
}

function received(): string[] {
  return stub.attempt(jobId).events.map(({ event }) => (event.kind === "message" ? event.data.text : event.kind));
}

test("events arrive in order, the first at once", async () => {
  const { events, stop } = await attempt();
  await events.emit(message("0"));
  await stub.until(() => received().length === 1);
  for (let index = 1; index < 5_000; index += 1) void events.emit(message(String(index)));
  await events.flush();
  expect(received()).toEqual(Array.from({ length: 5_000 }, (_, index) => String(index)));
  await stop();
});

test("a server that dies in the middle of a batch, before and after it stored it, loses and doubles nothing", async () => {
  const { events, stop } = await attempt();
  let requests = 0;
  stub.onRequest = (name, request) => {
    if (name === "appendEvents" && requests++ % 3 === 0) request.socket.destroy();
  };
  let answers = 0;
  stub.losesAnswer = (name) => name === "appendEvents" && answers++ % 3 === 0;
  for (let index = 0; index < 300; index += 1) {
    await events.emit(message(String(index)));
    if (index % 100 === 50) {
      await stub.kill();
      await stub.listen();
    }
  }
  await events.flush();
  expect(received()).toEqual(Array.from({ length: 300 }, (_, index) => String(index)));
  await stop();
});

test("a restarted worker goes on where the server is", async () => {
  const first = await attempt();
  for (let index = 0; index < 50; index += 1) await first.events.emit(message(String(index)));
  await first.events.flush();
  await first.stop();
  let batches = 0;
  stub.onRequest = (name) => {
    if (name === "appendEvents") batches += 1;
  };
  const second = await attempt(true);
  await second.events.emit(message("50"));
  await second.events.flush();
  expect(received()).toEqual(Array.from({ length: 51 }, (_, index) => String(index)));
  expect(batches).toBe(2);
  await second.stop();
});

test("a lost lease ends it, and every flush with it", async () => {
  const { events, uplink, stop } = await attempt();
  await events.emit(message("a"));
  await events.flush();
  stub.attempt(jobId).live = false;
  await events.emit(message("b"));
  await expect(events.flush()).rejects.toMatchObject({ code: "LEASE_LOST" });
  await expect(uplink.acknowledged(2)).rejects.toMatchObject({ code: "LEASE_LOST" });
  expect(await stop()).toMatchObject({ code: "LEASE_LOST" });
});

test("an event that the server refuses is replaced by a notice and holds up nothing", async () => {
  const { events, stop } = await attempt();
  const bad = { kind: "message", data: { role: "nobody", text: "x" } } as unknown as AppendableEvent;
  const all = [message("a"), message("b"), bad, message("c")];
  await Promise.all(all.map((event) => events.emit(event)));
  await events.flush();
  expect(received()).toEqual(["a", "b", "notice", "c"]);
  await stop();
});

test("a batch stays within the protocol's bounds", async () => {
  let largest = 0;
  stub.onRequest = (name, request) => {
    if (name === "appendEvents") largest = Math.max(largest, Number(request.headers["content-length"] ?? 0));
  };
  const { events, stop } = await attempt();
  await Promise.all(Array.from({ length: 40 }, () => events.emit(message("ä".repeat(50_000)))));
  await events.flush();
  expect(received()).toHaveLength(40);
  expect(largest).toBeLessThanOrEqual(1_048_576);
  await stop();
});
