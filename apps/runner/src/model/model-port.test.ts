import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ModelPort } from "./model-port.ts";

let folder: string;
let socketPath: string;
let port: ModelPort;
let servers: Server[];
/** The gateway's ends of what came through. */
let arrived: Socket[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-port-"));
  socketPath = join(folder, "s");
  port = new ModelPort();
  servers = [];
  arrived = [];
});
afterEach(async () => {
  await port[Symbol.asyncDispose]();
  for (const server of servers) await stop(server);
  await rm(folder, { recursive: true, force: true });
});

async function listen(onConnection: (socket: Socket) => void, allowHalfOpen = false): Promise<Server> {
  const server = createServer({ allowHalfOpen }, (socket) => {
    arrived.push(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  server.listen(socketPath);
  await once(server, "listening");
  servers.push(server);
  return server;
}

async function stop(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  for (const socket of arrived) socket.destroy();
  await closed;
}

async function dial(): Promise<Socket> {
  const { port: number } = new URL(await port.open(socketPath));
  const client = connect({ host: "127.0.0.1", port: Number(number), allowHalfOpen: true });
  client.on("error", () => {});
  await once(client, "connect");
  return client;
}

/** The code of the error that a connection ends with; undefined where it ends without one. */
async function endOf(client: Socket): Promise<string | undefined> {
  let code: string | undefined;
  client.on("error", (error: NodeJS.ErrnoException) => {
    code = error.code;
  });
  client.resume();
  await closeOf(client);
  return code;
}

async function closeOf(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  if (socket.closed) resolve();
  await promise;
}

test("what is said passes both ways, and a half that is closed leaves the other one open", async () => {
  await listen(async (socket) => {
    const heard = (await socket.toArray()).join("");
    socket.write("you said ");
    socket.end(heard);
  }, true);
  const client = await dial();
  client.write("hel");
  client.end("lo");
  expect((await client.toArray()).join("")).toBe("you said hello");
  await closeOf(client);
  expect(port.lost).toBeUndefined();
});

test("the port stays the same, and leads to the gateway that listens now", async () => {
  const first = await listen((socket) => socket.end("first"));
  expect((await (await dial()).toArray()).join("")).toBe("first");
  const url = await port.open(socketPath);
  await stop(first);
  await listen((socket) => socket.end("second"));
  expect(await port.open(socketPath)).toBe(url);
  expect((await (await dial()).toArray()).join("")).toBe("second");
});

test("a port that was opened ahead leads nowhere until a turn says where to", async () => {
  await port.prepare();
  expect(port.connections).toBe(0);
  await listen((socket) => socket.end("here"));
  const url = await port.open(socketPath);
  expect((await (await dial()).toArray()).join("")).toBe("here");
  expect(await port.open(socketPath)).toBe(url);
});

test("without a gateway a connection is reset, and the port knows why until one is reached", async () => {
  expect(await endOf(await dial())).toBe("ECONNRESET");
  expect(port.lost).toBe("ENOENT");
  await listen((socket) => socket.end("here"));
  expect((await (await dial()).toArray()).join("")).toBe("here");
  expect(port.lost).toBeUndefined();
});

test("a gateway that is gone in the middle of a request is a reset for who still sends it", async () => {
  await listen((socket) => socket.once("data", () => socket.destroy()));
  const client = await dial();
  const goOn = (error?: Error | null): void => void (error || client.write("a piece", goOn));
  goOn();
  expect(await endOf(client)).toMatch(/^(ECONNRESET|EPIPE)$/);
});

test("a gateway that closes without an answer is lost; one that answers, and an agent that leaves first, are not", async () => {
  await listen((socket) => socket.once("data", (bytes) => (String(bytes) === "die" ? socket.destroy() : socket.end("answer"))));
  for (const [word, lost] of [
    ["die", "closed"],
    ["ask", undefined],
  ] as const) {
    const client = await dial();
    client.write(word);
    expect((await client.toArray()).join("")).toBe(lost ? "" : "answer");
    expect(port.lost).toBe(lost);
  }
  const leaver = await dial();
  leaver.end("die");
  await endOf(leaver);
  expect(port.lost).toBeUndefined();
});

test("an agent that is gone is gone for the gateway too, and nothing is kept of it", async () => {
  await listen((socket) => {
    socket.resume();
    socket.write("an answer that nobody ends");
  });
  const client = await dial();
  await once(client, "data");
  expect(port.connections).toBe(1);
  client.resetAndDestroy();
  await closeOf(arrived[0] ?? client);
  expect(port.connections).toBe(0);
});

test("a reader that is slow slows the writer down: little waits in between", async () => {
  const sizeBytes = 64 * 1_048_576;
  let sentBytes = 0;
  await listen((socket) => {
    if (arrived.length > 1) return void socket.pipe(socket);
    const chunk = Buffer.alloc(1_048_576, "x");
    const send = (): void => {
      for (let isTaken = true; isTaken && sentBytes < sizeBytes; sentBytes += chunk.length) isTaken = socket.write(chunk);
      if (sentBytes >= sizeBytes) socket.end();
    };
    socket.on("drain", send);
    send();
  });
  const client = await dial();
  // While this one goes to and fro, all of the other one could have come.
  const other = await dial();
  for (let round = 0; round < 500; round += 1) {
    other.write("ping");
    await once(other, "data");
  }
  other.destroy();
  expect(sentBytes).toBeLessThan(sizeBytes / 2);
  let readBytes = 0;
  client.on("data", (chunk: Buffer) => {
    readBytes += chunk.length;
  });
  await once(client, "end");
  expect(readBytes).toBe(sizeBytes);
  client.destroy();
});

test("beyond 256 connections a further one is closed, and one that ends makes room", async () => {
  await listen((socket) => {
    socket.resume();
    socket.write("hello");
  });
  const open = await Promise.all(
    Array.from({ length: 256 }, async () => {
      const client = await dial();
      await once(client, "data");
      return client;
    }),
  );
  const surplus = await dial();
  expect(await surplus.toArray()).toEqual([]);
  open[0]?.resetAndDestroy();
  await Promise.race(arrived.map(closeOf));
  await once(await dial(), "data");
  for (const client of open) client.destroy();
});
