import { randomUUID } from "node:crypto";
import { createAppAuth } from "@octokit/auth-app";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";
import { Octokit } from "@octokit/rest";
import { forgeFailure, retryAfterMs } from "../failures.ts";

/** A token, or an app's key by which tokens are asked for. */
export type GithubCredential =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "app"; readonly appId: number; readonly installationId: number; readonly privateKey: string };

/** One request may take this long, in ms. */
const REQUEST_LIMIT_MS = 30_000;
/** A limit that lasts longer than this, in ms, is left to the caller, who has other work. */
const WAIT_LIMIT_MS = 20_000;
const TRIES = 2;

const Client = Octokit.plugin(throttling, retry);
export type GithubClient = InstanceType<typeof Client>;

/**
 * A client of one GitHub with one credential, to be kept: it spaces its writes, and knows how much of its hour's requests is left. An app's tokens are asked
 * for when they are needed and again before they are over.
 */
export function githubClient(baseUrl: string | undefined, credential: GithubCredential, retryUnitMs = 1_000): GithubClient {
  const waits = (seconds: number, retryCount: number): boolean => seconds * 1_000 <= WAIT_LIMIT_MS && retryCount < TRIES;
  return new Client({
    ...(baseUrl === undefined ? {} : { baseUrl: baseUrl.replace(/\/+$/, "") }),
    userAgent: "slipway",
    ...(credential.kind === "token"
      ? { auth: credential.token }
      : { authStrategy: createAppAuth, auth: { appId: credential.appId, installationId: credential.installationId, privateKey: credential.privateKey } }),
    // Messages of the library hold addresses and headers; what matters is in the failure.
    log: { debug: silent, info: silent, warn: silent, error: silent },
    throttle: {
      // Else all clients of the process would wait for each other.
      id: randomUUID(),
      retryAfterBaseValue: retryUnitMs,
      onRateLimit: (seconds, _options, _octokit, retryCount) => waits(seconds, retryCount),
      onSecondaryRateLimit: (seconds, _options, _octokit, retryCount) => waits(seconds, retryCount),
    },
    retry: { retries: TRIES, retryAfterBaseValue: retryUnitMs, doNotRetry: [304, 400, 401, 403, 404, 405, 409, 410, 422, 429, 451] },
  });
}

function silent(): void {}

/** Runs one call with a time of its own, and makes a failure of the table of what it throws. */
export async function asked<T>(
  host: string,
  what: string,
  secrets: readonly string[],
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = AbortSignal.timeout(REQUEST_LIMIT_MS * (TRIES + 1));
  try {
    return await call(AbortSignal.any([signal, limit]));
  } catch (error) {
    signal.throwIfAborted();
    throw forgeFailure({ host, what, ...refusalOf(error) }, secrets, error);
  }
}

interface RequestFailure {
  readonly status?: number;
  readonly message?: string;
  readonly response?: { readonly headers?: Readonly<Record<string, string>>; readonly data?: unknown };
}

function refusalOf(error: unknown): { status: number | null; said: string; retryAfterMs?: number } {
  const { status, message = "", response } = error as RequestFailure;
  // The library gives 500 to what never reached the host.
  const answered = typeof status === "number" && response !== undefined;
  const headers = response?.headers ?? {};
  const wait = retryAfterMs(headers["retry-after"], Date.now()) ?? limitEnd(headers);
  return { status: answered ? status : null, said: answered ? wordsOf(response.data, message) : "", ...(wait === undefined ? {} : { retryAfterMs: wait }) };
}

/** Until the hour's requests are there again, in ms; undefined where some are left. */
function limitEnd(headers: Readonly<Record<string, string>>): number | undefined {
  if (headers["x-ratelimit-remaining"] !== "0") return undefined;
  return Math.max(0, Number(headers["x-ratelimit-reset"] ?? 0) * 1_000 - Date.now());
}

function wordsOf(data: unknown, fallback: string): string {
  if (typeof data !== "object" || data === null) return fallback;
  const { message, errors } = data as { message?: unknown; errors?: unknown };
  const more = Array.isArray(errors)
    ? errors.map((one: unknown) => (typeof one === "string" ? one : String((one as { message?: unknown })?.message ?? "")))
    : [];
  return [typeof message === "string" ? message : fallback, ...more].filter(Boolean).join("; ");
}
