import { z } from "zod";
import { ROLES } from "./accounts.ts";
import { timeSchema } from "./scalars.ts";

/** How the dashboard is signed in: a browser gives a token, or a code that stands for one, and has a cookie from then on. */

/** Name of the cookie that holds a session's secret. httpOnly: no page can read it. */
export const SESSION_COOKIE = "slipway_session";
/** Header of every request by cookie that changes something: the session's `csrfToken`, which no other site's page can know. */
export const CSRF_HEADER = "x-slipway-csrf";
/** How long a session lasts, in ms: a week, or until its token ends. */
export const SESSION_TTL_MS = 604_800_000;
/** How long a sign-in code is good, in ms. It is good once. */
export const SIGN_IN_CODE_TTL_MS = 60_000;

/** Signs in by a token, or by a code that `POST /v1/sign-in-codes` gave for one. */
export const createSessionSchema = z.union(
  [z.strictObject({ token: z.string().min(1).max(500) }), z.strictObject({ code: z.string().min(1).max(500) })],
  "expected { token } or { code }",
);
/** Who is signed in, and what requests by the cookie have to carry. */
export const sessionViewSchema = z.object({
  name: z.string(),
  role: z.enum(ROLES),
  /** For `CSRF_HEADER`; null where the caller came with a token, which needs none. */
  csrfToken: z.string().nullable(),
  /** When it ends, in ms since 1970; null where it does not by itself. */
  expiresAt: timeSchema.nullable(),
});
export type SessionView = z.infer<typeof sessionViewSchema>;
/** A code for the address that `slipway open` opens, so that no token stands in a browser's history. */
export const signInCodeSchema = z.object({ code: z.string(), expiresAt: timeSchema });
