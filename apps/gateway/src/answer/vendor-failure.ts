import type { ErrorCode } from "@slipway/protocol/errors";
import type { VendorError } from "./usage.ts";

/** Longest wait that is taken from a vendor, in ms. */
const RETRY_AFTER_LIMIT_MS = 86_400_000;

const TOO_LONG =
  /context_length_exceeded|context_window|maximum context length|exceeds? the context|context window|prompt is too long|exceed context limit|request_too_large|exceeds the maximum number of tokens/i;
const QUOTA = /insufficient_quota|billing|quota|credit balance|out of credits/i;
/** A quota of a minute is a rate. */
const RATE = /per[ -_](min|minute|second|day)|\b[rt]pm\b|rate.?limit/i;

/**
 * The code of an answer with an error's status, by the vendors' tables: https://developers.openai.com/api/docs/guides/error-codes,
 * https://platform.claude.com/docs/en/api/errors, https://ai.google.dev/gemini-api/docs/troubleshooting
 */
export function codeOfStatus(status: number, error: VendorError | null): ErrorCode {
  const text = textOf(error);
  if ([400, 413, 422].includes(status) && TOO_LONG.test(text)) return "CONTEXT_TOO_LONG";
  // Anthropic's account without credit is a 400 like any other.
  if (status === 402 || (status === 400 && /credit balance is too low/i.test(text))) return "BACKEND_QUOTA";
  if (status === 429) return isQuota(error) ? "BACKEND_QUOTA" : "BACKEND_RATE_LIMITED";
  // Google refuses a wrong key with 400.
  if (status === 401 || status === 403 || (status === 400 && /API_KEY_INVALID|API key not valid/.test(text))) return "BACKEND_AUTH";
  if (status === 408 || status >= 500) return "MODEL_OVERLOADED";
  return status >= 400 ? "MODEL_REFUSED" : "MODEL_UNREACHABLE";
}

/** The code of an error inside an answer that had begun with 200. One that is not known may pass by itself. */
export function codeOfStreamError(error: VendorError): ErrorCode {
  const status = Number(error.code);
  if (status >= 400 && status < 600) return codeOfStatus(status, error);
  const kind = `${error.code} ${error.type}`;
  if (TOO_LONG.test(textOf(error))) return "CONTEXT_TOO_LONG";
  if (error.type === "RESOURCE_EXHAUSTED") return codeOfStatus(429, error);
  if (/insufficient_quota|billing/i.test(kind) || /credit balance is too low/i.test(error.message)) return "BACKEND_QUOTA";
  if (/rate_limit/i.test(kind)) return "BACKEND_RATE_LIMITED";
  if (/authenticat|invalid_api_key|API_KEY_INVALID|permission/i.test(kind)) return "BACKEND_AUTH";
  if (/invalid|not_found|unsupported|policy/i.test(kind)) return "MODEL_REFUSED";
  return "MODEL_OVERLOADED";
}

/**
 * How long the vendor asks to wait, in ms: `retry-after-ms`, `retry-after` (seconds or a date), the later of `x-ratelimit-reset-*` (such as `6m0s`), that
 * of those of Anthropic's limits that are used up, or what its message says. Undefined where it says nothing.
 */
export function retryAfterMs(header: (name: string) => string | undefined, error: VendorError | null, now = Date.now()): number | undefined {
  const ms = Number(header("retry-after-ms") ?? "");
  if (ms > 0) return bounded(ms);
  const after = header("retry-after");
  if (after) {
    const seconds = Number(after);
    if (seconds >= 0) return bounded(seconds * 1_000);
    const date = Date.parse(after);
    if (!Number.isNaN(date)) return bounded(date - now);
  }
  const resets = ["x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset"].map((name) => durationMs(header(name), now));
  const longest = Math.max(...resets.map((reset) => reset ?? -1));
  if (longest >= 0) return bounded(longest);
  const emptied = ["requests", "tokens", "input-tokens", "output-tokens"].flatMap((what) => {
    const reset = Date.parse(header(`anthropic-ratelimit-${what}-reset`) ?? "");
    return header(`anthropic-ratelimit-${what}-remaining`) === "0" && !Number.isNaN(reset) ? [reset - now] : [];
  });
  if (emptied.length > 0) return bounded(Math.max(...emptied));
  const told = /try again in ([0-9.]+)(ms|s|m)\b/.exec(error?.message ?? "");
  return told ? durationMs(`${told[1]}${told[2]}`, now) : undefined;
}

/** `1h2m3.5s`, `20ms`, plain seconds, or (as some servers have it) seconds since 1970. */
function durationMs(text: string | undefined, now: number): number | undefined {
  if (!text) return undefined;
  const plain = Number(text);
  if (!Number.isNaN(plain)) return plain > 1e9 ? bounded(plain * 1_000 - now) : bounded(plain * 1_000);
  const parts = [...text.matchAll(/([0-9.]+)(ms|s|m|h|d)/g)];
  if (parts.length === 0) return undefined;
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return bounded(parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ""] ?? 0), 0));
}

function bounded(ms: number): number {
  return Math.ceil(Math.min(Math.max(ms, 0), RETRY_AFTER_LIMIT_MS));
}

function isQuota(error: VendorError | null): boolean {
  if (error?.type === "RESOURCE_EXHAUSTED") return isGoogleQuota(error);
  if (/insufficient_quota|billing/i.test(`${error?.code} ${error?.type}`)) return true;
  const text = textOf(error);
  return QUOTA.test(text) && !RATE.test(text);
}

/** Google says "quota" of every limit; which one it was, its name tells. What lasts for a day does not pass while a job waits. */
function isGoogleQuota({ code, message }: VendorError): boolean {
  if (/PerDay/.test(code)) return true;
  return /billing/i.test(message) && !/PerMinute|PerSecond/.test(code);
}

function textOf(error: VendorError | null): string {
  return error ? `${error.code} ${error.type} ${error.message}` : "";
}
