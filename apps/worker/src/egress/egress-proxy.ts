import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { allowsHost } from "@slipway/protocol/egress";
import { toSlipwayError } from "@slipway/protocol/errors";
import { isPrivateAddress, needsNoNameServer } from "./private-addresses.ts";
import { connectThrough, type UpstreamProxy, UpstreamRefusal } from "./upstream-proxy.ts";

/** A package manager opens some dozens at once; a loop must not use up the worker's descriptors. */
const CONNECTIONS_LIMIT = 256;
const CONNECT_TIMEOUT_MS = 15_000;
/** How many hosts are told of one by one; a loop over names must fill neither the job's events nor the worker's memory. */
const HOSTS_LIMIT = 200;
const OTHERS = "(others)";

/** What was asked for, and what became of it. `host` is as the sandbox wrote it, and untrusted. */
export interface EgressDecision {
  readonly host: string;
  readonly port: number;
  readonly allowed: boolean;
  /** Why not, in words for people; undefined where it was allowed. */
  readonly reason?: string;
}

export interface EgressTotals extends EgressDecision {
  readonly connections: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface EgressOptions {
  /** Host patterns (`hostPatternSchema`). */
  readonly allow: readonly string[];
  /** Of these patterns the addresses may be private ones too. */
  readonly allowPrivate: readonly string[];
  /** Of whom the lists are, for who is refused: `egress.setup of .slipway.yaml`. */
  readonly listName: string;
  /** The proxy that a host is reached through, and that then resolves its name; the host itself is reached where this is missing or answers nothing. */
  readonly upstreamFor?: (host: string) => UpstreamProxy | undefined;
  /** Called at the first decision of its kind about a host and port. */
  readonly onDecision: (decision: EgressDecision) => void;
}

/** How an allowed host is reached: at this address, or through this proxy. */
type Way = string | UpstreamProxy;

interface Tally {
  readonly decision: EgressDecision;
  connections: number;
  sentBytes: number;
  receivedBytes: number;
}

/**
 * The only way out of a sandbox without a network: an HTTP proxy on a unix socket that takes CONNECT alone, for hosts on a list. Names are resolved here, and
 * the connection goes to the very address that was judged; behind a proxy of the worker's own it is that one that resolves them. What goes through is neither
 * read nor kept.
 */
export class EgressProxy implements AsyncDisposable {
  readonly #options: EgressOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #tallies = new Map<string, Tally>();

  private constructor(options: EgressOptions) {
    this.#options = options;
    this.#server = createServer((_request, response) => {
      response.writeHead(405, { "content-type": "text/plain", connection: "close" });
      response.end("slipway: this proxy takes CONNECT alone: use https.\n");
    });
    this.#server.maxConnections = CONNECTIONS_LIMIT;
    this.#server.on("connection", (socket) => this.#keep(socket));
    this.#server.on("connect", (request, client, head) => void this.#serve(request, client as Socket, head));
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  /** Opens the proxy on a unix socket that is not there yet. Rejects with the system's error. */
  static async listen(socketPath: string, options: EgressOptions): Promise<EgressProxy> {
    const proxy = new EgressProxy(options);
    proxy.#server.listen(socketPath);
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** What was asked for so far, in the order in which it first was. */
  totals(): EgressTotals[] {
    return [...this.#tallies.values()].map(({ decision, ...counts }) => ({ ...decision, ...counts }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    // Whoever breaks it off has gone; the other side is ended with it.
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
  }

  async #serve(request: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    const target = readTarget(request.url ?? "");
    if (!target) return refuse(client, 400, "the target must be HOST:PORT");
    const found = await this.#judge(target.host, target.port);
    const isAllowed = "way" in found;
    const tally = this.#tally({ ...target, allowed: isAllowed, ...(isAllowed ? {} : { reason: found.refusal }) });
    if (!isAllowed) return refuse(client, found.status, found.refusal);
    if (client.destroyed) return;
    const left = new AbortController();
    client.once("close", () => left.abort(new Error("the sandbox left")));
    let remote: Duplex;
    try {
      remote = await this.#reach(found.way, target, left.signal);
    } catch (error) {
      return refuse(client, 502, `${target.host}:${target.port} could not be reached ${whyNot(found.way, error)}`);
    }
    this.#keep(remote);
    if (client.destroyed) return void remote.destroy();
    client.once("close", () => remote.destroy());
    this.#lead(client, remote, head, tally);
  }

  async #reach(way: Way, { host, port }: { host: string; port: number }, signal: AbortSignal): Promise<Duplex> {
    if (typeof way !== "string") return await connectThrough(way, host, port, CONNECT_TIMEOUT_MS, signal);
    const remote = connect({ host: way, port, timeout: CONNECT_TIMEOUT_MS, noDelay: true, signal });
    remote.once("timeout", () => remote.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" })));
    await once(remote, "connect");
    remote.setTimeout(0);
    return remote;
  }

  async #judge(host: string, port: number): Promise<{ way: Way } | { refusal: string; status: number }> {
    const { allow, allowPrivate, listName, upstreamFor } = this.#options;
    if (!allowsHost(allow, host, port)) return { status: 403, refusal: `${host}:${port} is not in ${listName}` };
    let upstream: UpstreamProxy | undefined;
    try {
      upstream = upstreamFor?.(host);
    } catch (error) {
      return { status: 502, refusal: toSlipwayError(error).message };
    }
    // Names that only the company's own servers know are for its proxy to resolve, and to judge.
    if (upstream && !needsNoNameServer(host)) return { way: upstream };
    let addresses: LookupAddress[];
    try {
      addresses = await lookup(host, { all: true });
    } catch (error) {
      return { status: 502, refusal: `${host} has no address (${(error as NodeJS.ErrnoException).code ?? "unknown"})` };
    }
    const open = allowsHost(allowPrivate, host, port) ? addresses : addresses.filter(({ address }) => !isPrivateAddress(address));
    const [first] = open;
    if (first) return { way: upstream ?? first.address };
    return { status: 403, refusal: `${host} leads to a private address, and worker.egressPrivateHosts does not name it` };
  }

  #tally(decision: EgressDecision): Tally {
    const key = JSON.stringify([decision.host, decision.port, decision.allowed]);
    const known = this.#tallies.get(key);
    if (!known && decision.host !== OTHERS && this.#tallies.size >= HOSTS_LIMIT) return this.#tally({ host: OTHERS, port: 0, allowed: decision.allowed });
    const tally = known ?? { decision, connections: 0, sentBytes: 0, receivedBytes: 0 };
    tally.connections += 1;
    if (known) return tally;
    this.#tallies.set(key, tally);
    this.#options.onDecision(decision);
    return tally;
  }

  #lead(client: Socket, remote: Duplex, head: Buffer, tally: Tally): void {
    client.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (head.length > 0) remote.write(head);
    tally.sentBytes += head.length;
    client.on("data", (bytes: Buffer) => {
      tally.sentBytes += bytes.length;
    });
    remote.on("data", (bytes: Buffer) => {
      tally.receivedBytes += bytes.length;
    });
    remote.once("close", () => client.destroySoon());
    client.pipe(remote);
    remote.pipe(client);
  }
}

/** Without the proxy's address: who is told runs in a sandbox. */
function whyNot(way: Way, error: unknown): string {
  const reason = error instanceof UpstreamRefusal ? error.message : ((error as NodeJS.ErrnoException).code ?? "unknown");
  return typeof way === "string" ? `(${reason})` : `through the worker's own proxy (${reason})`;
}

function readTarget(target: string): { host: string; port: number } | undefined {
  const match = /^([a-z0-9_.-]{1,253}):(\d{1,5})$/i.exec(target);
  const port = Number(match?.[2]);
  return match?.[1] === undefined || port < 1 || port > 65_535 ? undefined : { host: match[1], port };
}

function refuse(client: Duplex, status: number, why: string): void {
  const body = `slipway: ${why}.\n`;
  const reason = status === 403 ? "Forbidden" : status === 400 ? "Bad Request" : "Bad Gateway";
  const head = [`HTTP/1.1 ${status} ${reason}`, "content-type: text/plain", `content-length: ${Buffer.byteLength(body)}`, "connection: close"];
  client.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
