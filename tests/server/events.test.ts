import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fillPath } from "@slipway/protocol/endpoint";
import { ENDPOINTS, WORKER_SIGNALS_PATH } from "@slipway/protocol/endpoints";
import type { EventFrame } from "@slipway/protocol/events";
import type { Claim } from "@slipway/protocol/worker-api";
import { STREAM_TIMES } from "@slipway/server/events/stream-times";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
beforeEach(async () => {
  // A reader that stands still is no dead one here; `slow-readers.test.ts` has those.
  server = await TestServer.start({ streamTimes: { ...STREAM_TIMES, pingMs: 600_000 } });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

async function running(): Promise<Claim> {
  const { view } = await server.repository();
  const workerId = await server.worker();
  await server.submit(view.id);
  const claim = await server.claim(workerId);
  if (!claim) throw new Error("no claim");
  return claim;
}

/** Appends log events with these ordinals. */
async function append({ job, fence }: Claim, from: number, count: number, bytes = 10): Promise<number> {
  const text = randomBytes(bytes).toString("hex").slice(0, bytes);
  const events = Array.from({ length: count }, (_, index) => ({
    ordinal: from + index,
    at: Date.now(),
    event: { kind: "log" as const, data: { stream: "stdout", offset: (from + index - 1) * bytes, text, encoding: "utf8" as const } },
  }));
  const params = { job: job.id, fence };
  await server.client("worker").call("renew", { params, body: {} });
  return (await server.client("worker").call("appendEvents", { params, body: { events } })).ackOrdinal;
}

async function end({ job }: Claim): Promise<void> {
  await server.client("submitter").call("cancelJob", { params: { job: job.id }, body: {} });
}

test("a follower gets every event once, across a server's restart, then the end", async () => {
  const claim = await running();
  await append(claim, 1, 50);
  const frames: EventFrame[] = [];
  const breaks: string[] = [];
  const reader = new WebSocketReader(claim.job.id);
  await reader.until((seen) => seen.length >= 20);
  frames.push(...reader.frames);
  reader.socket.terminate();
  // The same batch again, its acknowledgement having been lost, adds nothing.
  expect(await append(claim, 1, 60)).toBe(60);
  await server.restart();
  await end(claim);
  const last = frames.at(-1);
  for await (const frame of server
    .client("viewer")
    .follow(claim.job.id, { after: last?.type === "event" ? last.event.seq : 0, onRetry: ({ code }) => breaks.push(code) }))
    frames.push(frame);
  const numbers = frames.flatMap((frame) => (frame.type === "event" ? [frame.event.seq] : []));
  const { job } = await server.client("viewer").call("getJob", { params: { job: claim.job.id } });
  expect(numbers).toEqual(Array.from({ length: job.lastSeq }, (_, index) => index + 1));
  expect(frames.at(-1)).toEqual({ type: "end", lastSeq: job.lastSeq });
  expect(frames.flatMap((frame) => (frame.type === "event" && frame.event.kind === "log" ? [1] : []))).toHaveLength(60);
  expect(breaks).toEqual([]);
});

test("events come to a live follower as they are stored", async () => {
  const claim = await running();
  const reader = new WebSocketReader(claim.job.id);
  await reader.until((seen) => seen.some(({ type }) => type === "event"));
  const before = reader.frames.length;
  await append(claim, 1, 3);
  await reader.until((seen) => seen.length === before + 3);
  await end(claim);
  await reader.until((seen) => seen.at(-1)?.type === "end");
  expect(await reader.closed).toBe(1_000);
});

test("a reader that stands still holds up nobody and fills no memory", async () => {
  const claim = await running();
  const reader = new WebSocketReader(claim.job.id);
  await reader.until((seen) => seen.length > 0);
  reader.socket.pause();
  const frames = 2_000;
  for (let from = 1; from <= frames; from += 250) await append(claim, from, 250, 16_000);
  const [peer] = [...websockets()];
  expect(peer?.bufferedAmount).toBeLessThan(4 * 1_048_576);
  // Another reader has long read everything by then.
  await end(claim);
  const quick = new WebSocketReader(claim.job.id);
  await quick.until((seen) => seen.at(-1)?.type === "end");
  reader.socket.resume();
  await reader.until((seen) => seen.at(-1)?.type === "end");
  const numbers = reader.frames.flatMap((frame) => (frame.type === "event" ? [frame.event.seq] : []));
  expect(numbers).toEqual(quick.frames.flatMap((frame) => (frame.type === "event" ? [frame.event.seq] : [])));
  expect(numbers.length).toBeGreaterThan(frames);
});

test("pages as JSON follow each other by the cursor", async () => {
  const claim = await running();
  await append(claim, 1, 5);
  await end(claim);
  const first = await server.client("viewer").call("listEvents", { params: { job: claim.job.id }, query: { limit: 3 } });
  const rest = await server.client("viewer").call("listEvents", { params: { job: claim.job.id }, query: { after: 3 } });
  expect([...first.events, ...rest.events].map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(first.lastSeq).toBe(8);
});

test("server-sent events carry numbers, and Last-Event-ID goes on behind them", async () => {
  const claim = await running();
  await append(claim, 1, 4);
  await end(claim);
  const read = async (headers: Record<string, string>): Promise<string> => {
    const response = await fetch(`${server.url}/v1/jobs/${claim.job.number}/events`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${server.tokens.viewer}`, ...headers },
    });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    return await response.text();
  };
  const ids = (text: string): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  const whole = await read({});
  expect(ids(whole)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(whole.trimEnd().endsWith('event: end\ndata: {"type":"end","lastSeq":7}')).toBe(true);
  expect(ids(await read({ "last-event-id": "5" }))).toEqual([6, 7]);
  const wrong = await server
    .request("GET", `/v1/jobs/${claim.job.number}/events`, { headers: { accept: "text/event-stream", "last-event-id": "x" } })
    .catch((error: unknown) => error);
  expect(wrong).toMatchObject({ status: 400, body: { error: { details: { field: "last-event-id" } } } });
});

test("streams end when the server closes, and nothing keeps it open", async () => {
  const claim = await running();
  const reader = new WebSocketReader(claim.job.id);
  await reader.until((seen) => seen.length > 0);
  const sse = fetch(`${server.url}/v1/jobs/${claim.job.number}/events`, {
    headers: { accept: "text/event-stream", authorization: `Bearer ${server.tokens.viewer}` },
  });
  const body = (await sse).text();
  await server.server.close();
  expect(await reader.closed).toBe(1_001);
  expect(await body).toContain("id: 1");
  expect(server.server.plane.events.watchedJobs).toBe(0);
});

test("a revoked token's open streams end, a socket with 1008; those of others go on", async () => {
  const claim = await running();
  const admin = server.client("admin");
  const { token, view } = await admin.call("createToken", { body: { name: "leaving", role: "worker" } });
  const headers = { authorization: `Bearer ${token}` };
  const url = server.url.replace("http", "ws");
  const workerId = await server.worker();
  const leaving = [fillPath(ENDPOINTS.listEvents.path, { job: claim.job.id }), fillPath(WORKER_SIGNALS_PATH, { worker: workerId })].map(
    (path) => new WebSocket(url + path, { headers }),
  );
  await Promise.all(leaving.map((socket) => once(socket, "open")));
  const closed = leaving.map((socket) => once(socket, "close"));
  const sse = await fetch(`${server.url}${fillPath(ENDPOINTS.listEvents.path, { job: claim.job.id })}`, {
    headers: { ...headers, accept: "text/event-stream" },
  });
  const staying = new WebSocketReader(claim.job.id);
  await staying.until((seen) => seen.length > 0);

  await admin.call("revokeToken", { params: { token: view.id } });
  for (const close of closed) expect((await close)[0]).toBe(1008);
  await expect(sse.text()).rejects.toThrow();
  const seen = staying.frames.length;
  await append(claim, 1, 1);
  await staying.until((frames) => frames.length > seen);
  staying.socket.terminate();
});

test("a follower of a job that is not there is told before the upgrade", async () => {
  await expect(server.client("viewer").follow("9999").next()).rejects.toMatchObject({ code: "NOT_FOUND" });
});

/** The server's ends of the open WebSockets. */
function websockets(): Set<WebSocket> {
  return server.server.app.websocketServer.clients as unknown as Set<WebSocket>;
}

/** Frames as they come, so that a test can stop reading where the typed client would not. */
class WebSocketReader {
  readonly frames: EventFrame[] = [];
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  #wake = (): void => {};

  constructor(job: string) {
    this.socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/jobs/${job}/events`, { headers: { authorization: `Bearer ${server.tokens.viewer}` } });
    this.socket.on("message", (data) => {
      this.frames.push(JSON.parse(String(data)));
      this.#wake();
    });
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) => this.socket.on("close", resolve));
  }

  async until(enough: (frames: readonly EventFrame[]) => boolean): Promise<void> {
    while (!enough(this.frames)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
