import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import type { AgentEvent } from "@slipway/protocol/events";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RunnerLink } from "../../apps/worker/src/sandbox/link/runner-link.ts";
import { never, request } from "./bench.ts";

/** The worker's socket against peers that lie, flood and break off. */
const NONCE = "n".repeat(64);
const HELLO = { type: "hello", protocol: 1, nonce: NONCE, lastOrdinal: 0, turnId: null };
let folder: string;
let path: string;
let link: RunnerLink;
const sockets: Socket[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-peer-"));
  path = join(folder, "s");
  link = await RunnerLink.listen(path, NONCE);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await link.close(new SlipwayError("RUNNER_LOST"));
  await rm(folder, { recursive: true, force: true });
});

async function connect(...messages: unknown[]): Promise<Socket> {
  const socket = createConnection(path);
  socket.on("error", () => {});
  sockets.push(socket);
  await once(socket, "connect");
  for (const message of messages) socket.write(typeof message === "string" ? message : `${JSON.stringify(message)}\n`);
  return socket;
}

/** Resolves when the worker has dropped the connection; a reset is one way to do it. */
async function closed(socket: Socket): Promise<void> {
  socket.resume();
  while (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
}

function turn(onEvent: (ordinal: number, event: AgentEvent) => Promise<void> | void = () => {}, afterOrdinal = 0): Promise<TurnResult> {
  const steps = request({ inside: { workspace: "/w", home: "/h", control: "", gateway: undefined, path: process.env["PATH"] ?? "" } }, []);
  return link.turn(steps, { afterOrdinal, signal: never(), onEvent: async (ordinal, _at, event) => await onEvent(ordinal, event) });
}

const event = (ordinal: number, text = "x") => ({ type: "event", ordinal, at: 1, event: { kind: "message", data: { role: "agent", text } } });
const done = { type: "result", turnId: "turn-1", result: { status: "done", finalText: "ok" } };

test.each([
  ["a wrong nonce", { ...HELLO, nonce: "x" }],
  ["a nonce of the same length", { ...HELLO, nonce: "m".repeat(64) }],
  ["no hello", event(1)],
  ["another protocol", { ...HELLO, protocol: 2 }],
  ["garbage", "\u0000\u0001garbage\n"],
  ["an endless first line", "x".repeat(100_000)],
])("a stranger with %s is dropped, and the runner still gets through", async (_, message) => {
  await closed(await connect(message));
  await connect(HELLO, event(1), done);
  expect(await turn()).toEqual({ status: "done", finalText: "ok" });
});

test("strangers that say nothing are dropped in time and cannot keep the runner out", async () => {
  const silent = await Promise.all(Array.from({ length: 30 }, () => connect()));
  await Promise.all(silent.map(closed));
  await connect(HELLO, done);
  expect((await turn()).status).toBe("done");
});

test("a second connection with the right nonce is dropped; the first goes on", async () => {
  const first = await connect(HELLO);
  await link.connected;
  await closed(await connect(HELLO));
  const running = turn();
  first.write(`${JSON.stringify(event(1))}\n${JSON.stringify(done)}\n`);
  expect((await running).status).toBe("done");
});

test.each([
  ["garbage in mid-turn", "{nonsense\n"],
  ["a message that is none", { type: "surprise" }],
  ["an event that is none", { type: "event", ordinal: 1, at: 1, event: { kind: "state", data: {} } }],
  ["an ordinal that leaves one out", event(2)],
  ["a second hello", HELLO],
  ["a forged result", { type: "result", turnId: "turn-1", result: { status: "landed" } }],
  ["a line beyond the limit", "x".repeat(1_100_000)],
  [
    "a message nested without end",
    `{"type":"event","ordinal":1,"at":1,"event":{"kind":"tool-call","data":{"callId":"1","name":"x","input":${"[".repeat(100_000)}${"]".repeat(100_000)}}}}\n`,
  ],
])("%s ends the turn with BACKEND_OUTPUT_INVALID and drops the connection", async (_, message) => {
  const peer = await connect(HELLO);
  peer.resume();
  const running = turn();
  peer.write(typeof message === "string" ? message : `${JSON.stringify(message)}\n`);
  await expect(running).rejects.toMatchObject({ code: "BACKEND_OUTPUT_INVALID" });
  await closed(peer);
});

test("a runner that knows less than the worker is not believed", async () => {
  await connect({ ...HELLO, lastOrdinal: 3 });
  await expect(turn(() => {}, 5)).rejects.toMatchObject({ code: "BACKEND_OUTPUT_INVALID" });
});

test("results of other turns and events that are known already change nothing", async () => {
  const peer = await connect(HELLO);
  const seen: number[] = [];
  const running = turn((ordinal) => void seen.push(ordinal));
  for (const message of [event(1), event(1), { ...done, turnId: "another" }, event(2), event(1), done]) peer.write(`${JSON.stringify(message)}\n`);
  expect((await running).status).toBe("done");
  expect(seen).toEqual([1, 2]);
});

test("a connection that breaks is taken up again where it was", async () => {
  const first = await connect(HELLO, event(1), event(2));
  const seen: number[] = [];
  let both = (): void => {};
  const hadBoth = new Promise<void>((resolve) => {
    both = resolve;
  });
  const running = turn((ordinal) => {
    seen.push(ordinal);
    if (ordinal === 2) both();
  });
  await hadBoth;
  first.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const second = await connect({ ...HELLO, lastOrdinal: 3 });
  const [welcome] = (await once(second, "data")) as [Buffer];
  expect(JSON.parse(welcome.toString().split("\n")[0] ?? "")).toEqual({ type: "welcome", afterOrdinal: 2 });
  second.write(`${JSON.stringify(event(3))}\n${JSON.stringify(done)}\n`);
  expect((await running).status).toBe("done");
  expect(seen).toEqual([1, 2, 3]);
});

test("a peer that floods and never reads holds a bounded part of the worker's memory", async () => {
  const peer = await connect(HELLO);
  peer.pause();
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const running = turn(() => held).catch((error: unknown) => error);
  const text = "x".repeat(200_000);
  let written = 0;
  for (let ordinal = 1; ordinal <= 2_000 && !peer.writableNeedDrain; ordinal += 1) {
    written += 200_000;
    if (!peer.write(`${JSON.stringify(event(ordinal, text))}\n`)) await Promise.race([once(peer, "drain"), new Promise((resolve) => setTimeout(resolve, 100))]);
  }
  expect(written).toBeLessThan(20_000_000);
  peer.destroy();
  release();
  await link.close(new SlipwayError("RUNNER_LOST"));
  expect(await running).toMatchObject({ code: "RUNNER_LOST" });
});

test("events that come between turns wait for the next turn", async () => {
  const peer = await connect(HELLO, event(1), done);
  const seen: number[] = [];
  await turn((ordinal) => void seen.push(ordinal));
  peer.write(`${JSON.stringify(event(2))}\n${JSON.stringify(event(3))}\n`);
  const second = turn((ordinal) => void seen.push(ordinal), 1);
  peer.write(`${JSON.stringify(done)}\n`);
  await second;
  expect(seen).toEqual([1, 2, 3]);
});

test("a socket path that no socket can have is refused in words", async () => {
  await expect(RunnerLink.listen(join(folder, "x".repeat(120)), NONCE)).rejects.toMatchObject({ code: "SANDBOX_UNAVAILABLE" });
});
