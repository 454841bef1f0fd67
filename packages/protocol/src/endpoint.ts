import { z } from "zod";
import type { Role } from "./accounts.ts";

/**
 * One row of the HTTP API as data: the server makes its routes from these, the client its calls, and `docs/openapi.json` is printed from them.
 * Every answer that is not 2xx has the form of `errorBodySchema`. `{name}` in a path is a parameter.
 */
export interface Endpoint {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** Roles that may call it; `admin` always may. Empty: no token needed. */
  readonly roles: readonly Role[];
  readonly summary: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
}

/** Every answer that is not 2xx: a code of the error table, what happened, what to do next, and plain JSON for tools. */
export const errorBodySchema = z.object({
  error: z.object({ code: z.string(), message: z.string(), hint: z.string(), details: z.record(z.string(), z.unknown()) }),
});

/** Fills `{name}` in a path. */
export function fillPath(path: string, params: Record<string, string | number> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined) throw new TypeError(`path ${path} needs the parameter ${name}`);
    return encodeURIComponent(String(value));
  });
}
