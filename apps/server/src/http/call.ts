import type { TokenView } from "@slipway/protocol/accounts";
import type { ENDPOINTS, EndpointName, ParamsOf, ResponseOf } from "@slipway/protocol/endpoints";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Actor } from "../store/store.ts";

type Table = typeof ENDPOINTS;
type Output<N extends EndpointName, Part extends "body" | "query"> = Table[N] extends { [P in Part]: infer S extends z.ZodType } ? z.output<S> : undefined;
type ParamNames<N extends EndpointName> = ParamsOf<N> extends Record<infer Name extends string, unknown> ? Name : never;

/** One request to an endpoint of the table, checked against its schemas. */
export interface Call<N extends EndpointName> {
  readonly params: { readonly [Name in ParamNames<N>]: Name extends "fence" | "image" ? number : string };
  readonly query: Output<N, "query">;
  readonly body: Output<N, "body">;
  /** Who calls. On public endpoints nobody does, and reading it throws. */
  readonly token: TokenView;
  /** The same for the audit: every change that a person asks for is written with it. */
  readonly by: Actor;
  /** Address under which the caller reached us, such as `http://127.0.0.1:4750`. */
  readonly baseUrl: string;
  /** Aborts when the caller's connection closes before the answer. */
  readonly signal: AbortSignal;
  /** For the few endpoints whose body or answer is not JSON. */
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** What an endpoint does. `undefined` where it has answered on `reply` itself. */
export type Handler<N extends EndpointName> = (call: Call<N>) => Promise<ResponseOf<N> | undefined>;

/** One handler for each endpoint of the table: what is missing does not compile. */
export type Handlers = { readonly [N in EndpointName]: Handler<N> };
