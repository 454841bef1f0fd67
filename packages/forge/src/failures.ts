import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";

/** What a host's refusal or silence is, by its HTTP status; null: it never answered. */
export interface Refusal {
  readonly host: string;
  readonly what: string;
  readonly status: number | null;
  /** The host's words. */
  readonly said: string;
  readonly retryAfterMs?: number;
}

/** The failure that stands for it. `secrets`: what must not show, even where the host repeats it. */
export function forgeFailure(refusal: Refusal, secrets: readonly string[], cause?: unknown): SlipwayError {
  const said = masked(refusal.said, secrets).replace(/\s+/g, " ").trim().slice(0, 500);
  const { host, what, status, retryAfterMs } = refusal;
  const answer = status === null ? "did not answer" : `answered ${status}`;
  const details = { host, what, status, said, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return new SlipwayError(codeOf(refusal), `${host} ${answer} when the server wanted to ${what}${said === "" ? "" : `: ${said}`}`, details, {
    cause: named(cause),
  });
}

function codeOf({ status, said, retryAfterMs }: Refusal): ErrorCode {
  if (status === null || status >= 500 || status === 429 || status === 408) return "FORGE_UNAVAILABLE";
  // GitHub says 403 for its limits too.
  if (status === 403 && (retryAfterMs !== undefined || /rate limit|abuse detection/i.test(said))) return "FORGE_UNAVAILABLE";
  if (status === 401 || status === 403) return "FORGE_AUTH";
  if (status === 404 || status === 410 || status === 301) return "REPOSITORY_MOVED";
  return "PR_FAILED";
}

function masked(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => (secret.length < 4 ? left : left.replaceAll(secret, "***")), text);
}

/** Errors of the libraries hold whole requests, headers included: only what kind it was is kept. */
function named(cause: unknown): unknown {
  return cause instanceof Error ? new Error(cause.name) : undefined;
}

/** The time of a `Retry-After` header, in seconds or as a date, in ms; undefined where it is neither. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined || header === "") return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1_000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
