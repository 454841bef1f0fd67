import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { get, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Claim } from "@slipway/protocol/worker-api";
import type { StreamTimes } from "@slipway/server/events/stream-times";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { TestServer } from "./server-harness.ts";

const NEVER_MS = 3_600_000;

let server: TestServer;
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

/** A server with these times, and a job that is at work on it. */
async function running(times: Partial<StreamTimes> = {}): Promise<Claim> {
  server = await TestServer.start({ streamTimes: { pingMs: NEVER_MS, heartbeatMs: NEVER_MS, stallMs: NEVER_MS, ...times } });
  const { view } = await server.repository();
  const workerId = await server.worker();
  await server.submit(view.id);
  const claim = await server.claim(workerId);
  if (!claim) throw new Error("no claim");
  return claim;
}

/** Appends 32 MB of log, in chunks as a worker sends them; `meanwhile` is called after each request. */
async function appendLog({ job, fence }: Claim, meanwhile: () => void): Promise<void> {
  const text = randomBytes(8_000).toString("hex");
  for (let from = 1; from <= 2_000; from += 100) {
    const events = Array.from({ length: 100 }, (_, index) => ({
      ordinal: from + index,
      at: Date.now(),
      event: { kind: "log" as const, data: { stream: "stdout", offset: 0, text, encoding: "utf8" as const } },
    }));
    const params = { job: job.id, fence };
    await server.client("worker").call("appendEvents", { params, body: { events } });
    // As a worker does, however slow the machine is.
    await server.client("worker").call("renew", { params, body: {} });
    meanwhile();
  }
}

/** Cancels the job, which ends its stream; the numbers of all its events. */
async function endOf({ job }: Claim): Promise<number[]> {
  const { job: ended } = await server.client("submitter").call("cancelJob", { params: { job: job.id }, body: {} });
  return Array.from({ length: ended.lastSeq }, (_, index) => index + 1);
}

/** A stream of server-sent events that nobody reads yet, with the server's end of it. */
async function openStream({ job }: Claim, after = 0): Promise<{ reader: IncomingMessage; response: ServerResponse }> {
  const arrived = once(server.server.app.server, "request") as Promise<[IncomingMessage, ServerResponse]>;
  const headers = { accept: "text/event-stream", authorization: `Bearer ${server.tokens.viewer}`, "last-event-id": String(after) };
  const request = get(`${server.url}/v1/jobs/${job.id}/events`, { headers, agent: false });
  const [[, response], [reader]] = await Promise.all([arrived, once(request, "response") as Promise<[IncomingMessage]>]);
  return { reader, response };
}

/** Reads the rest of a stream, whole events only; the numbers of the events that came. */
async function readOn(reader: IncomingMessage): Promise<number[]> {
  let text = "";
  reader.setEncoding("latin1");
  try {
    for await (const chunk of reader) text += chunk;
  } catch {
    // It was cut: what came before counts.
  }
  return text
    .slice(0, text.lastIndexOf("\n\n") + 1)
    .split("\n\n")
    .flatMap((block) => /^id: (\d+)$/m.exec(block)?.[1] ?? [])
    .map(Number);
}

function open(claim: Claim, options: { autoPong: boolean }): WebSocket {
  const url = `${server.url.replace("http", "ws")}/v1/jobs/${claim.job.id}/events`;
  return new WebSocket(url, { headers: { authorization: `Bearer ${server.tokens.viewer}` }, ...options });
}

test("a reader that never answers a ping is dropped; one that answers stays", async () => {
  const claim = await running({ pingMs: 100 });
  const there = open(claim, { autoPong: true });
  const gone = open(claim, { autoPong: false });
  await Promise.all([once(there, "open"), once(gone, "open")]);
  const [code] = await once(gone, "close");
  expect(code).toBe(1_006);
  // Several pings later.
  for (let ping = 0; ping < 3; ping += 1) await once(there, "ping");
  expect(there.readyState).toBe(WebSocket.OPEN);
  expect(server.server.app.websocketServer.clients.size).toBe(1);
  there.close();
  await once(there, "close");
  await expect.poll(() => server.server.plane.events.watchedJobs, { interval: 5 }).toBe(0);
});

test("a reader that vanished in the middle of a long log is dropped, with all that waited for it", async () => {
  const claim = await running({ pingMs: 300 });
  const { port } = new URL(server.url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.write(
    [
      `GET /v1/jobs/${claim.job.id}/events HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      `Authorization: Bearer ${server.tokens.viewer}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
      "\r\n",
    ].join("\r\n"),
  );
  await once(socket, "readable");
  // From here on it reads nothing, and its connection stays open.
  let buffered = 0;
  await appendLog(claim, () => {
    for (const { bufferedAmount } of server.server.app.websocketServer.clients) buffered = Math.max(buffered, bufferedAmount);
  });
  await expect.poll(() => server.server.app.websocketServer.clients.size, { interval: 20, timeout: 10_000 }).toBe(0);
  expect(buffered).toBeLessThan(1_048_576);
  expect(server.server.plane.events.watchedJobs).toBe(0);
  socket.destroy();
});

test("a slow reader of server-sent events costs a buffer and a frame, and gets every event once", async () => {
  const claim = await running({ heartbeatMs: 20 });
  const { reader, response } = await openStream(claim);
  let buffered = 0;
  await appendLog(claim, () => {
    buffered = Math.max(buffered, response.writableLength);
  });
  expect(response.writableNeedDrain).toBe(true);
  expect(buffered).toBeGreaterThan(0);
  expect(buffered).toBeLessThan(131_072);
  const all = await endOf(claim);
  expect(await readOn(reader)).toEqual(all);
});

test("a reader of server-sent events that takes nothing is cut, and goes on behind its last event", async () => {
  const claim = await running({ stallMs: 300 });
  const { reader, response } = await openStream(claim);
  const closed = once(response, "close");
  await appendLog(claim, () => undefined);
  await closed;
  await expect.poll(() => server.server.plane.events.watchedJobs, { interval: 5 }).toBe(0);
  const all = await endOf(claim);
  const first = await readOn(reader);
  expect(first.length).toBeLessThan(all.length);
  const again = await openStream(claim, first.at(-1));
  expect([...first, ...(await readOn(again.reader))]).toEqual(all);
});

test("a silent stream of server-sent events shows that it lives", async () => {
  const claim = await running({ heartbeatMs: 50 });
  const { reader } = await openStream(claim);
  let text = "";
  for await (const chunk of reader.setEncoding("utf8")) {
    text += chunk;
    if ((text.match(/^: still here$/gm) ?? []).length >= 2) break;
  }
  expect(text).toContain("id: 2\n");
});
