import { SlipwayError } from "@slipway/protocol/errors";
import type { FastifyRequest } from "fastify";

/** Names of this machine for itself. */
const LOOPBACK_HOSTS = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === "::1" || host === "localhost" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Keeps web pages out. A browser sends `Origin` with every request that a page of another site makes, WebSockets included: only our own and the
 * allowed ones pass. A page whose name was pointed at 127.0.0.1 (DNS rebinding) counts as our own origin to the browser, but its Host header gives
 * it away. Fails with ORIGIN_REFUSED.
 */
export function checkOrigin(request: FastifyRequest, rules: { loopbackOnly: boolean; allowedOrigins: readonly string[] }): void {
  const host = request.headers.host ?? "";
  if (rules.loopbackOnly && !LOOPBACK_HOSTS.has(host.replace(/:\d+$/, "").toLowerCase())) {
    throw new SlipwayError("ORIGIN_REFUSED", `The Host header names ${host || "nothing"}, and this server answers only to this machine's own names.`, {
      host,
      hint: "Call it as 127.0.0.1 or localhost.",
    });
  }
  const { origin } = request.headers;
  if (origin === undefined || rules.allowedOrigins.includes(origin) || origin.toLowerCase() === `${request.protocol}://${host}`.toLowerCase()) return;
  throw new SlipwayError("ORIGIN_REFUSED", `The web page ${origin} may not call this server.`, { origin, allowedOrigins: [...rules.allowedOrigins] });
}
