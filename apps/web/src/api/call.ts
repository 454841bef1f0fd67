import { ROUTES } from "virtual:slipway-routes";
import type { BodyOf, EndpointName, ParamsOf, QueryOf, ResponseOf } from "@slipway/protocol/endpoints";
import { ApiFailure, failureOf } from "./failure.ts";

/** The header of `CSRF_HEADER` in the protocol, whose module would bring all of its schemas along. */
const CSRF_HEADER = "x-slipway-csrf";

/** What a call to an endpoint takes. */
export type Args<N extends EndpointName> = (ParamsOf<N> extends undefined ? unknown : { params: ParamsOf<N> }) &
  (BodyOf<N> extends undefined ? unknown : { body: BodyOf<N> }) &
  (QueryOf<N> extends undefined ? unknown : { query?: QueryOf<N> });

interface LooseArgs {
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

let csrfToken: string | null = null;

/** Told by whoever signs in or learns that somebody is signed in. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** The address of an endpoint, for links to what is not JSON. */
export function addressOf<N extends EndpointName>(name: N, args: Args<N>): string {
  const { params = {}, query } = args as LooseArgs;
  const path = ROUTES[name][1].replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(String(params[key])));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== "") search.set(key, Array.isArray(value) ? value.join(",") : String(value));
  }
  return search.size > 0 ? `${path}?${search}` : path;
}

/** Calls an endpoint by the browser's session. Every failure is an `ApiFailure`; a server out of reach is SERVER_UNAVAILABLE; an abort is rethrown. */
export async function call<N extends EndpointName>(name: N, args: Args<N>, signal?: AbortSignal): Promise<ResponseOf<N>> {
  return (await (await request(name, args, signal)).json()) as ResponseOf<N>;
}

/** The same for endpoints whose answer is not JSON. */
export async function callText<N extends EndpointName>(name: N, args: Args<N>, signal?: AbortSignal): Promise<string> {
  return await (await request(name, args, signal)).text();
}

async function request<N extends EndpointName>(name: N, args: Args<N>, signal?: AbortSignal): Promise<Response> {
  const method = ROUTES[name][0];
  const { body } = args as LooseArgs;
  let response: Response;
  try {
    response = await fetch(addressOf(name, args), {
      method,
      credentials: "same-origin",
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(method === "GET" || csrfToken === null ? {} : { [CSRF_HEADER]: csrfToken }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    signal?.throwIfAborted();
    const hint = "The page shows what it last knew, and goes on when the server is back.";
    const reason = error instanceof Error ? error.message : String(error);
    throw new ApiFailure(0, { code: "SERVER_UNAVAILABLE", message: "The server does not answer.", hint, details: { reason } });
  }
  if (!response.ok) throw await failureOf(response);
  return response;
}
