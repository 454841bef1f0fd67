import type { ServerResponse } from "node:http";
import type { ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import type { VendorProtocol } from "../protocols/protocol.ts";

/**
 * Statuses for an agent, where they differ from those of the API. Agents repeat 401 to 404 a few times, 429 and 5xx for long, and 400 never
 * (tried): what no repetition mends is 400.
 */
const STATUSES: Readonly<Partial<Record<ErrorCode, number>>> = {
  BUDGET_EXCEEDED: 400,
  CASSETTE_MISMATCH: 400,
  MODEL_NOT_ALLOWED: 400,
  SECRET_MISSING: 400,
  LEASE_LOST: 401,
  CANCELLED: 401,
};
/** Seconds to wait before another try, where one may end well. */
const RETRY_AFTER_SECONDS = 5;

/** An error of the gateway's own, in the shape of the vendor's. `code` is Slipway's, and stands in the message too: of some agents that alone comes back. */
export function sendError(
  response: ServerResponse,
  error: SlipwayError,
  protocol: Pick<VendorProtocol, "error">,
  status: number = STATUSES[error.code] ?? error.status,
): void {
  if (response.destroyed || response.headersSent) return;
  const body = protocol.error({ code: error.code, message: `${error.code}: ${error.message} ${error.hint}`, status });
  const { retryAfterMs } = error.details;
  const seconds = typeof retryAfterMs === "number" ? Math.ceil(retryAfterMs / 1_000) : RETRY_AFTER_SECONDS;
  const retry = status === 429 || status === 503 ? { "retry-after": String(seconds) } : {};
  response.writeHead(status, { "content-type": "application/json", ...retry }).end(JSON.stringify(body));
}
