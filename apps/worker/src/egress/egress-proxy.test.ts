import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type EgressDecision, type EgressOptions, EgressProxy } from "./egress-proxy.ts";

let folder: string;
let echo: Server;
let port: number;
const proxies: EgressProxy[] = [];
let decisions: EgressDecision[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-egress-"));
  echo = createServer((socket) => void socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(echo, "listening");
  port = (echo.address() as AddressInfo).port;
  decisions = [];
});

afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy[Symbol.asyncDispose]();
  echo.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(options: Partial<EgressOptions> = {}): Promise<EgressProxy> {
  const allow = [`localhost:${port}`];
  const proxy = await EgressProxy.listen(join(folder, "s"), {
    allow,
    allowPrivate: allow,
    listName: "egress.setup of .slipway.yaml",
    onDecision: (decision) => decisions.push(decision),
    ...options,
  });
  proxies.push(proxy);
  return proxy;
}

/** What CONNECT gave: its status, and the tunnel or the words of the refusal. */
async function tunnel(target: string): Promise<{ status: number | undefined; socket: Socket; words: string }> {
  const asked = request({ socketPath: join(folder, "s"), method: "CONNECT", path: target, agent: false }).end();
  const [response, socket, head] = (await once(asked, "connect")) as [IncomingMessage, Socket, Buffer];
  const words = response.statusCode === 200 ? "" : head.toString() + (await text(socket));
  return { status: response.statusCode, socket, words };
}

test("leads to a host on the list, both ways, and counts what went through", async () => {
  const proxy = await open();
  const { status, socket } = await tunnel(`localhost:${port}`);
  expect(status).toBe(200);
  socket.end("over and back");
  expect(await text(socket)).toBe("over and back");
  expect(decisions).toEqual([{ host: "localhost", port, allowed: true }]);
  expect(proxy.totals()).toEqual([{ host: "localhost", port, allowed: true, connections: 1, sentBytes: 13, receivedBytes: 13 }]);
});

test("refuses what is not on the list, and says which list that is", async () => {
  const proxy = await open();
  const { status, words } = await tunnel("evil.example:443");
  expect(status).toBe(403);
  expect(words).toBe("slipway: evil.example:443 is not in egress.setup of .slipway.yaml.\n");
  await tunnel("evil.example:443");
  expect(decisions).toEqual([{ host: "evil.example", port: 443, allowed: false, reason: "evil.example:443 is not in egress.setup of .slipway.yaml" }]);
  expect(proxy.totals()).toMatchObject([{ connections: 2, sentBytes: 0, receivedBytes: 0 }]);
});

test("another port of a host on the list is another place", async () => {
  await open();
  expect((await tunnel("localhost:22")).status).toBe(403);
});

test("a name on the list that leads to the inside is refused, unless the installation says otherwise", async () => {
  await open({ allowPrivate: [] });
  const { status, words } = await tunnel(`localhost:${port}`);
  expect(status).toBe(403);
  expect(words).toContain("localhost leads to a private address, and worker.egressPrivateHosts does not name it");
  expect(decisions).toMatchObject([{ host: "localhost", allowed: false }]);
});

test("a name without an address, and a place that nobody listens at", async () => {
  echo.close();
  await once(echo, "close");
  await open({ allow: ["no-such-host.invalid", `localhost:${port}`] });
  expect(await tunnel("no-such-host.invalid:443")).toMatchObject({ status: 502, words: expect.stringContaining("has no address") });
  expect(await tunnel(`localhost:${port}`)).toMatchObject({ status: 502, words: expect.stringContaining("ECONNREFUSED") });
});

test.each(["localhost", "localhost:0", "localhost:99999", "[::1]:443", "user@localhost:443"])("`%s` is no target", async (target) => {
  await open();
  const socket = connect(join(folder, "s"));
  socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /);
  expect(decisions).toEqual([]);
});

test("plain requests are refused: nothing is fetched for anybody", async () => {
  await open();
  const asked = request({ socketPath: join(folder, "s"), path: `http://localhost:${port}/`, agent: false }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  expect(response.statusCode).toBe(405);
  expect(await text(response)).toContain("CONNECT alone");
});

test("a loop over names fills neither the events nor the memory", async () => {
  const proxy = await open();
  for (let name = 0; name < 230; name += 1) await tunnel(`h${name}.example:443`);
  expect(decisions).toHaveLength(201);
  expect(proxy.totals().at(-1)).toMatchObject({ host: "(others)", allowed: false, connections: 30 });
});

test("its end ends the tunnels", async () => {
  const proxy = await open();
  const { socket } = await tunnel(`localhost:${port}`);
  socket.on("error", () => undefined);
  const closed = once(socket, "close");
  await proxy[Symbol.asyncDispose]();
  await closed;
  proxies.length = 0;
});
