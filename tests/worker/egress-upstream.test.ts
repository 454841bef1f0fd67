import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type EgressDecision, EgressProxy } from "../../apps/worker/src/egress/egress-proxy.ts";
import { upstreamProxyFor } from "../../apps/worker/src/egress/upstream-proxy.ts";
import { TestAuthority } from "../support/authority.ts";
import { CompanyProxy } from "../support/company-proxy.ts";

/** A worker whose machine reaches the world through a company's proxy alone. */
const PLACE = "registry.example:443";
const ALLOW = [PLACE, "localhost:443", "10.0.0.5:443", "2130706433:443", "direct.invalid:443"];
let folder: string;
let echo: Server;
let port: number;
let decisions: EgressDecision[];
let open: AsyncDisposableStack;

beforeEach(async () => {
  open = new AsyncDisposableStack();
  folder = await mkdtemp(join(tmpdir(), "slipway-egress-"));
  open.defer(async () => await rm(folder, { recursive: true, force: true }));
  echo = createServer((socket) => void socket.on("error", () => undefined).pipe(socket)).listen(0, "127.0.0.1");
  await once(echo, "listening");
  open.defer(() => void echo.close());
  port = (echo.address() as AddressInfo).port;
  decisions = [];
});
afterEach(async () => await open.disposeAsync());

async function egressBehind(env: NodeJS.ProcessEnv): Promise<EgressProxy> {
  const upstreamFor = (host: string) => upstreamProxyFor(host, env);
  const onDecision = (decision: EgressDecision): void => void decisions.push(decision);
  const options = { allow: ALLOW, allowPrivate: [], listName: "egress.turn of .slipway.yaml", upstreamFor, onDecision };
  return open.use(await EgressProxy.listen(join(folder, "s"), options));
}

async function tunnel(target: string): Promise<{ status: number | undefined; socket: Socket; words: string }> {
  const asked = request({ socketPath: join(folder, "s"), method: "CONNECT", path: target, agent: false }).end();
  const [response, socket, head] = (await once(asked, "connect")) as [IncomingMessage, Socket, Buffer];
  const words = response.statusCode === 200 ? "" : head.toString() + (await text(socket));
  return { status: response.statusCode, socket, words };
}

test("a host on the list is reached through the proxy, which alone knows its name; both ways, and counted", async () => {
  const company = open.use(await CompanyProxy.listen({ [PLACE]: port }));
  const egress = await egressBehind({ HTTPS_PROXY: company.url() });
  const { status, socket } = await tunnel(PLACE);
  expect(status).toBe(200);
  socket.end("over and back");
  expect(await text(socket)).toBe("over and back");
  expect(company.asked).toEqual([PLACE]);
  expect(egress.totals()).toEqual([{ host: "registry.example", port: 443, allowed: true, connections: 1, sentBytes: 13, receivedBytes: 13 }]);
});

test("what is not on the list is not asked of the proxy", async () => {
  const company = open.use(await CompanyProxy.listen({}));
  await egressBehind({ HTTPS_PROXY: company.url() });
  expect(await tunnel("evil.example:443")).toMatchObject({ status: 403, words: expect.stringContaining("not in egress.turn") });
  expect(company.asked).toEqual([]);
});

test("the proxy gets the name and password of its address; who asked gets nothing of them, nor do the decisions", async () => {
  const company = open.use(await CompanyProxy.listen({ [PLACE]: port }, { login: "me:p@ss" }));
  await egressBehind({ HTTPS_PROXY: company.url("me:p%40ss") });
  const { status, socket } = await tunnel(PLACE);
  socket.destroy();
  expect(status).toBe(200);
  expect(JSON.stringify(decisions)).not.toMatch(/p@ss|p%40ss|Basic/);
});

test("a proxy that asks for another password: told as that, without the proxy's address", async () => {
  const company = open.use(await CompanyProxy.listen({ [PLACE]: port }, { login: "me:right" }));
  await egressBehind({ HTTPS_PROXY: company.url("me:wrong") });
  const { status, words } = await tunnel(PLACE);
  expect(status).toBe(502);
  expect(words).toBe(
    "slipway: registry.example:443 could not be reached through the worker's own proxy (it answered 407: it asks for a name and password, which belong into the worker's HTTPS_PROXY).\n",
  );
});

test("a proxy that does not know the host, and one that is not there", async () => {
  const company = open.use(await CompanyProxy.listen({}));
  const gone = await CompanyProxy.listen({});
  const [there, away] = [company.url(), gone.url()];
  await gone[Symbol.asyncDispose]();
  const first = await egressBehind({ HTTPS_PROXY: there });
  expect(await tunnel(PLACE)).toMatchObject({ status: 502, words: expect.stringContaining("worker's own proxy (it answered 503)") });
  await first[Symbol.asyncDispose]();
  const second = await EgressProxy.listen(join(folder, "t"), {
    ...{ allow: ALLOW, allowPrivate: [], listName: "", onDecision: () => undefined },
    upstreamFor: (host) => upstreamProxyFor(host, { HTTPS_PROXY: away }),
  });
  open.use(second);
  const asked = request({ socketPath: join(folder, "t"), method: "CONNECT", path: PLACE, agent: false }).end();
  const [response, socket, head] = (await once(asked, "connect")) as [IncomingMessage, Socket, Buffer];
  expect(response.statusCode).toBe(502);
  expect(head.toString() + (await text(socket))).toContain("worker's own proxy (ECONNREFUSED)");
});

test.each(["localhost:443", "10.0.0.5:443", "2130706433:443"])(
  "%s is the inside to whoever resolves it: refused, and not asked of the proxy",
  async (target) => {
    const company = open.use(await CompanyProxy.listen({ [target]: port }));
    await egressBehind({ HTTPS_PROXY: company.url() });
    expect(await tunnel(target)).toMatchObject({ status: 403, words: expect.stringContaining("leads to a private address") });
    expect(company.asked).toEqual([]);
  },
);

test("NO_PROXY: resolved and reached from here", async () => {
  const company = open.use(await CompanyProxy.listen({ "direct.invalid:443": port }));
  await egressBehind({ HTTPS_PROXY: company.url(), NO_PROXY: "direct.invalid" });
  expect(await tunnel("direct.invalid:443")).toMatchObject({ status: 502, words: expect.stringContaining("direct.invalid has no address") });
  expect(company.asked).toEqual([]);
});

test("an address that is none of a proxy is said to whoever asks", async () => {
  await egressBehind({ HTTPS_PROXY: "socks5://me:secret@127.0.0.1:1080" });
  const { status, words } = await tunnel(PLACE);
  expect(status).toBe(502);
  expect(words).toContain("HTTPS_PROXY of the worker names a proxy of the kind socks5; expected http://HOST:PORT");
  expect(words).not.toContain("secret");
});

test("a proxy over TLS is trusted as all else is: one that nobody vouches for is not", async () => {
  const authority = open.use(await TestAuthority.make());
  const [cert, key] = await Promise.all(["server.pem", "server.key"].map((name) => readFile(join(authority.folder, name))));
  const company = open.use(await CompanyProxy.listen({ [PLACE]: port }, { tls: { cert, key } }));
  await egressBehind({ HTTPS_PROXY: company.url() });
  expect(await tunnel(PLACE)).toMatchObject({ status: 502, words: expect.stringMatching(/worker's own proxy \((UNABLE_TO_VERIFY|SELF_SIGNED)/) });
});

test("the end of the egress proxy, and of who asked, ends the tunnel at the company's too", async () => {
  const company = open.use(await CompanyProxy.listen({ [PLACE]: port }));
  const egress = await egressBehind({ HTTPS_PROXY: company.url() });
  const arrivals: Promise<unknown>[] = [];
  echo.on("connection", (socket) => arrivals.push(once(socket, "close")));
  const [left, kept] = [await tunnel(PLACE), await tunnel(PLACE)];
  left.socket.destroy();
  await arrivals[0];
  kept.socket.on("error", () => undefined);
  await egress[Symbol.asyncDispose]();
  await arrivals[1];
  expect(arrivals).toHaveLength(2);
});
