import { createRequire } from "node:module";
import type { Agent, Dispatcher, EnvHttpProxyAgent } from "undici";

/** Idle connections are kept between the turns of an agent, unless the vendor says for how long. */
const KEEP_ALIVE_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;

// The file alone: all of undici takes 15 MB more of an idle gateway. The version is pinned exactly.
const load = createRequire(import.meta.url);

/** The connections to vendors; through a proxy where HTTPS_PROXY or HTTP_PROXY name one (NO_PROXY excepts hosts). */
export function openUpstream(environment: NodeJS.ProcessEnv = process.env): Dispatcher {
  const options = { keepAliveTimeout: KEEP_ALIVE_MS, connect: { timeout: CONNECT_TIMEOUT_MS } };
  if (["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"].some((name) => environment[name])) {
    const Proxied = load("undici/lib/dispatcher/env-http-proxy-agent.js") as typeof EnvHttpProxyAgent;
    return new Proxied(options);
  }
  const Direct = load("undici/lib/dispatcher/agent.js") as typeof Agent;
  return new Direct(options);
}

/** A kept connection that the vendor closed just as the request was sent: nothing was answered on it, so that the request may be sent again. */
export function wasStale(error: Error): boolean {
  const { code, socket } = error as { code?: unknown; socket?: { bytesRead?: number } };
  return code === "UND_ERR_SOCKET" && (socket?.bytesRead ?? 0) > 0;
}
