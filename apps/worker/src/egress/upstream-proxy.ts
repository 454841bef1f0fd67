import { once } from "node:events";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { BlockList, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { SlipwayError } from "@slipway/protocol/errors";

/** A proxy that the worker needs to reach the world, as a company's network has one. */
export interface UpstreamProxy {
  readonly host: string;
  readonly port: number;
  /** Whether the way to the proxy itself is TLS. */
  readonly isTls: boolean;
  /** Value of Proxy-Authorization; undefined where the address has no name. Never for a log, an event or a sandbox. */
  readonly authorization: string | undefined;
}

/** Names in lower case first, as curl and git take them. */
const VARIABLES = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] as const;

/**
 * The proxy that the environment names for a host; undefined where it names none, or NO_PROXY excepts the host as curl and git understand that: a name means
 * itself and all below it, `*` everything, and addresses and networks (`10.0.0.0/8`) mean addresses. INVALID_CONFIG, without the value, for an address that
 * cannot be used. Own code, as the libraries for it know neither names below a name nor networks.
 */
export function upstreamProxyFor(host: string, env: NodeJS.ProcessEnv): UpstreamProxy | undefined {
  const variable = VARIABLES.find((name) => env[name]);
  if (variable === undefined || isExcepted(host, env["no_proxy"] ?? env["NO_PROXY"] ?? "")) return undefined;
  return parsed(variable, env[variable] ?? "");
}

function isExcepted(host: string, noProxy: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      if (entry === "*") return true;
      if (isIP(name) !== 0) return isInNetwork(name, entry);
      const except = entry
        .replace(/:\d+$/, "")
        .replace(/^\*?\./, "")
        .replace(/\.$/, "");
      return name === except || name.endsWith(`.${except}`);
    });
}

function isInNetwork(address: string, entry: string): boolean {
  const [network = "", prefix] = entry.split("/");
  const version = isIP(network);
  if (version === 0) return false;
  const family = version === 4 ? "ipv4" : "ipv6";
  const bits = prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix);
  if (!Number.isInteger(bits) || bits < 0 || bits > (version === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

function parsed(variable: string, value: string): UpstreamProxy {
  const text = value.includes("://") ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") throw unusable(variable, url?.protocol);
  const isTls = url.protocol === "https:";
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    isTls,
    authorization: url.username === "" ? undefined : `Basic ${Buffer.from(`${decoded(url.username)}:${decoded(url.password)}`).toString("base64")}`,
  };
}

/** A sign that stands there as it is, such as a percent in a password, is meant as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function unusable(variable: string, protocol: string | undefined): SlipwayError {
  const what = protocol === undefined ? "is no address" : `names a proxy of the kind ${protocol.slice(0, -1)}`;
  return new SlipwayError("INVALID_CONFIG", `${variable} of the worker ${what}; expected http://HOST:PORT or https://HOST:PORT`, {
    field: variable,
    expected: "http://HOST:PORT or https://HOST:PORT, with NAME:PASSWORD@ before the host where the proxy asks for them",
    hint: `Set ${variable} right in the worker's environment, or unset it, and start the worker anew.`,
  });
}

/** The proxy would not, or could not: `message` says why, in words for people. */
export class UpstreamRefusal extends Error {}

/** A tunnel to a host and port through the proxy, which resolves the name. Rejects with UpstreamRefusal, with the system's error, or the signal's reason. */
export async function connectThrough(proxy: UpstreamProxy, host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<Duplex> {
  const target = `${host}:${port}`;
  const headers = { host: target, ...(proxy.authorization === undefined ? {} : { "proxy-authorization": proxy.authorization }) };
  const request = proxy.isTls ? tlsRequest : plainRequest;
  const asked = request({ host: proxy.host, port: proxy.port, method: "CONNECT", path: target, headers, agent: false, timeout: timeoutMs, signal });
  asked.once("timeout", () => asked.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" })));
  asked.end();
  const [response, socket, head] = (await once(asked, "connect")) as [IncomingMessage, Duplex & { setTimeout(ms: number): void }, Buffer];
  // The tunnel has its own errors; nobody asks the request any more.
  asked.on("error", () => {});
  const { statusCode = 0 } = response;
  if (statusCode < 200 || statusCode > 299) {
    socket.destroy();
    throw new UpstreamRefusal(
      statusCode === 407 ? "it answered 407: it asks for a name and password, which belong into the worker's HTTPS_PROXY" : `it answered ${statusCode}`,
    );
  }
  socket.setTimeout(0);
  if (head.length > 0) socket.unshift(head);
  return socket;
}
