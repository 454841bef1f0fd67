import { Agent, type Dispatcher, EnvHttpProxyAgent } from "undici";

/** Idle connections are kept between the turns of an agent, unless the vendor says for how long. */
const KEEP_ALIVE_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** The connections to vendors; through a proxy where HTTPS_PROXY or HTTP_PROXY name one (NO_PROXY excepts hosts). */
export function openUpstream(environment: NodeJS.ProcessEnv = process.env): Dispatcher {
  const options = { keepAliveTimeout: KEEP_ALIVE_MS, connect: { timeout: CONNECT_TIMEOUT_MS } };
  const proxied = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"].some((name) => environment[name]);
  return proxied ? new EnvHttpProxyAgent(options) : new Agent(options);
}

/** A kept connection that the vendor closed just as the request was sent: nothing was answered on it, so that the request may be sent again. */
export function wasStale(error: Error): boolean {
  const { code, socket } = error as { code?: unknown; socket?: { bytesRead?: number } };
  return code === "UND_ERR_SOCKET" && (socket?.bytesRead ?? 0) > 0;
}
