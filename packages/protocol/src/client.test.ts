import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { Client } from "./client.ts";
import { fillPath } from "./endpoint.ts";
import { SlipwayError } from "./errors.ts";
import type { EventFrame } from "./events.ts";
import { newId } from "./scalars.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const jobId = newId();
const frame = (seq: number): EventFrame => ({
  type: "event",
  event: { jobId, seq, fence: 1, at: 0, kind: "message", data: { role: "agent", text: String(seq) } },
});

test("path parameters are filled in and escaped", () => {
  expect(fillPath("/v1/jobs/{job}/artifacts/{name}", { job: 3, name: "a b/c" })).toBe("/v1/jobs/3/artifacts/a%20b%2Fc");
  expect(() => fillPath("/v1/jobs/{job}", {})).toThrow(/job/);
});

test("an error of the server comes back as a SlipwayError with its details", async () => {
  const url = await listen(
    createServer((_, response) => {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(JSON.stringify(new SlipwayError("NOT_FOUND", "No job 7.", { job: "7" }).toJSON()));
    }),
  );
  const client = new Client({ url, token: "t" });
  await expect(client.call("getJob", { params: { job: 7 } })).rejects.toMatchObject({ code: "NOT_FOUND", message: "No job 7.", details: { job: "7" } });
});

test("no server, and a server of another kind, are SERVER_UNAVAILABLE", async () => {
  const gone = createServer();
  const url = await listen(gone);
  await new Promise((resolve) => gone.close(resolve));
  await expect(new Client({ url, token: "t" }).call("health", {})).rejects.toMatchObject({ code: "SERVER_UNAVAILABLE" });
  const other = await listen(createServer((_, response) => response.writeHead(502).end("<html>")));
  await expect(new Client({ url: other, token: "t" }).call("health", {})).rejects.toMatchObject({ code: "SERVER_UNAVAILABLE", details: { status: 502 } });
});

test("following goes on after a broken connection, each event once", async () => {
  const cursors: number[] = [];
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  sockets.on("connection", (socket, request) => {
    const after = Number(new URL(request.url ?? "/", "http://x").searchParams.get("after"));
    cursors.push(after);
    for (let seq = after + 1; seq <= Math.min(after + 3, 7); seq += 1) socket.send(JSON.stringify(frame(seq)));
    if (after + 3 < 7) socket.close();
    else socket.send(JSON.stringify({ type: "end", lastSeq: 7 }));
  });
  const seen: number[] = [];
  for await (const next of new Client({ url: await listen(http), token: "t" }).follow(jobId)) if (next.type === "event") seen.push(next.event.seq);
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(cursors).toEqual([0, 3, 6]);
});

test("following ends at once when it is aborted, and says who refused it", async () => {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  const connected = new Promise<void>((resolve) => sockets.on("connection", () => resolve()));
  const client = new Client({ url: await listen(http), token: "t" });
  const controller = new AbortController();
  const following = (async () => {
    for await (const _ of client.follow(jobId, { signal: controller.signal }));
  })();
  await connected;
  controller.abort(new SlipwayError("CANCELLED"));
  await expect(following).rejects.toMatchObject({ code: "CANCELLED" });

  const refusing = createServer();
  refusing.on("upgrade", (_, socket) => {
    const body = JSON.stringify(new SlipwayError("UNAUTHENTICATED").toJSON());
    socket.end(`HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
  });
  const refused = new Client({ url: await listen(refusing), token: "t" }).follow(jobId);
  await expect(refused.next()).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});

test("notices go on at their cursor after a break, which is told, and end with the signal", async () => {
  const cursors: Array<string | null> = [];
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  sockets.on("connection", (socket, request) => {
    const cursor = new URL(request.url ?? "/", "http://x").searchParams.get("cursor");
    cursors.push(cursor);
    const count = Number(cursor?.split(".")[1] ?? 0);
    socket.send(JSON.stringify({ type: "hello", cursor: `e.${count}`, resumed: cursor !== null }));
    socket.send(JSON.stringify({ type: "changes", cursor: `e.${count + 1}`, jobs: "many", states: [], topics: ["workers"] }));
    if (count < 2) socket.close();
  });
  const controller = new AbortController();
  let lost = 0;
  const seen: string[] = [];
  const client = new Client({ url: await listen(http), token: "t" });
  const reading = (async () => {
    for await (const frame of client.changes({ signal: controller.signal, onLost: () => (lost += 1) })) {
      seen.push(`${frame.type} ${frame.cursor}`);
      if (frame.cursor === "e.3") controller.abort();
    }
  })();
  await expect(reading).rejects.toThrow(/abort/i);
  expect(seen).toEqual(["hello e.0", "changes e.1", "hello e.1", "changes e.2", "hello e.2", "changes e.3"]);
  expect([cursors, lost]).toEqual([[null, "e.1", "e.2"], 2]);
});
