import type { IncomingHttpHeaders } from "node:http";

/** Of one connection only, RFC 9110 7.6.1; and what undici or the gateway sets itself. */
const NOT_SENT = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "host",
  "content-length",
  "content-encoding",
  "accept-encoding",
  "expect",
  // What says who asks: the gateway alone does.
  "authorization",
  "x-api-key",
  "x-goog-api-key",
  "x-goog-user-project",
  "api-key",
  "cookie",
  "openai-organization",
  "openai-project",
  "forwarded",
  "via",
  "x-real-ip",
]);
const NOT_SENT_FAMILIES = /^(x-forwarded-|proxy-|sec-|cf-|x-slipway-)/;

/** The agent's headers as the vendor gets them, with those that carry the real key in place of the attempt's token. */
export function headersToVendor(headers: IncomingHttpHeaders, key: Readonly<Record<string, string>>): Record<string, string> {
  const connection = new Set((headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase()));
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (NOT_SENT.has(name) || NOT_SENT_FAMILIES.test(name) || connection.has(name) || value === undefined) continue;
    sent[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return { ...sent, "accept-encoding": "identity", ...key };
}

const PASSED_ON = new Set(["content-type", "content-encoding", "retry-after", "retry-after-ms", "request-id", "x-request-id", "x-should-retry"]);
const PASSED_ON_FAMILIES = /^(x-ratelimit-|openai-|anthropic-ratelimit-|anthropic-priority-)/;

/** The vendor's headers as the agent gets them. One that repeats the key is left out. */
export function headersToAgent(headers: IncomingHttpHeaders, key: string | null): Record<string, string | string[]> {
  const passed: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || !(PASSED_ON.has(name) || PASSED_ON_FAMILIES.test(name))) continue;
    if (key !== null && String(value).includes(key)) continue;
    passed[name] = value;
  }
  return passed;
}

/** The token that the agent shows: `Authorization: Bearer`, `x-api-key`, `x-goog-api-key`, or Google's `?key=`. Null where it shows none, or one that cannot be. */
export function tokenOf(headers: IncomingHttpHeaders, query?: URLSearchParams): string | null {
  const [, bearer] = /^bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
  const token = bearer ?? headers["x-api-key"] ?? headers["x-goog-api-key"] ?? query?.get("key");
  return typeof token === "string" && token !== "" && token.length <= 200 ? token : null;
}
