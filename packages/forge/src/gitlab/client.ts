import { AsyncLocalStorage } from "node:async_hooks";
import { createRequesterFn, type FormattedResponse, type RequestOptions } from "@gitbeaker/requester-utils";
import { Gitlab } from "@gitbeaker/rest";
import pRetry from "p-retry";
import { forgeFailure, retryAfterMs } from "../failures.ts";

/** One request may take this long, in ms. */
const REQUEST_LIMIT_MS = 30_000;
/** A limit that lasts longer than this, in ms, is left to the caller, who has other work. */
const WAIT_LIMIT_MS = 20_000;
const TRIES = 2;
/** The signal of the call that a request belongs to: the library hands none through. */
const calling = new AsyncLocalStorage<AbortSignal>();

export type GitlabClient = InstanceType<typeof Gitlab<false>>;

/** A client of one GitLab with one token. `what` the failures say is set by the caller around each call. */
export function gitlabClient(baseUrl: string | undefined, token: string, retryUnitMs = 1_000): GitlabClient {
  const host = (baseUrl ?? "https://gitlab.com").replace(/\/+$/, "").replace(/\/api\/v4$/, "");
  const send = async (endpoint: string, options: RequestOptions = {}): Promise<FormattedResponse> => await request(endpoint, options, retryUnitMs);
  const requesterFn = createRequesterFn(
    (_resource, own) => Promise.resolve(own),
    (endpoint, options) => send(endpoint, options as RequestOptions),
  );
  return new Gitlab({ host, token, requesterFn, queryTimeout: null });
}

/** What GitLab said in place of what was wanted. */
export class GitlabRefusal extends Error {
  readonly status: number | null;
  readonly retryAfterMs: number | undefined;

  constructor(status: number | null, said: string, wait?: number) {
    super(said);
    this.name = "GitlabRefusal";
    this.status = status;
    this.retryAfterMs = wait;
  }
}

/** The library's own sender waits neither as long as it is told to nor for a bounded time. What makes something new is sent once. */
async function request(endpoint: string, options: RequestOptions, unitMs: number): Promise<FormattedResponse> {
  return await pRetry(async () => await send(endpoint, options), {
    retries: options.method === "POST" ? 0 : TRIES,
    minTimeout: unitMs,
    factor: 2,
    ...(calling.getStore() ? { signal: calling.getStore() as AbortSignal } : {}),
    shouldRetry: async ({ error }) => {
      if (!(error instanceof GitlabRefusal)) return false;
      const { status, retryAfterMs: wait = 0 } = error;
      if (status !== null && status < 500 && status !== 429) return false;
      if (wait > WAIT_LIMIT_MS) return false;
      // What the pause of p-retry itself falls short of.
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait - unitMs)));
      return true;
    },
  });
}

async function send(endpoint: string, { prefixUrl = "", searchParams, method = "GET", headers, body }: RequestOptions): Promise<FormattedResponse> {
  const url = new URL(endpoint, prefixUrl.endsWith("/") ? prefixUrl : `${prefixUrl}/`);
  url.search = searchParams ?? "";
  const signal = calling.getStore();
  const limit = AbortSignal.timeout(REQUEST_LIMIT_MS);
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      ...(headers ? { headers } : {}),
      ...(body === undefined ? {} : { body }),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new GitlabRefusal(null, error instanceof Error ? error.name : "no answer");
  }
  const text = await response.text();
  if (!response.ok) throw new GitlabRefusal(response.status, wordsOf(text), retryAfterMs(response.headers.get("retry-after") ?? undefined, Date.now()));
  return { status: response.status, headers: Object.fromEntries(response.headers), body: text === "" ? null : jsonOf(text) };
}

function jsonOf(text: string): Record<string, unknown> | string {
  try {
    return JSON.parse(text);
  } catch {
    // A page of a proxy, say; what reads it complains of what is missing.
    return text;
  }
}

function wordsOf(text: string): string {
  const body = jsonOf(text);
  if (typeof body === "string") return body.startsWith("<") ? "" : body;
  const said = body["message"] ?? body["error_description"] ?? body["error"] ?? "";
  return typeof said === "string" ? said : JSON.stringify(said);
}

/** Runs one call, and makes a failure of the table of what it throws. */
export async function askedOf<T>(host: string, what: string, token: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  try {
    return await calling.run(signal, call);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof GitlabRefusal)) throw error;
    const { status, message, retryAfterMs: wait } = error;
    throw forgeFailure({ host, what, status, said: message, ...(wait === undefined ? {} : { retryAfterMs: wait }) }, [token], error);
  }
}
