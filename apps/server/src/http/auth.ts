import type { Role, TokenView } from "@slipway/protocol/accounts";
import { SlipwayError } from "@slipway/protocol/errors";
import { CSRF_HEADER } from "@slipway/protocol/session";
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from "fastify";
import type { Sessions } from "./sessions.ts";
import type { TokenCache } from "./token-cache.ts";

/** By what a caller is known: a token, or a browser's session of one. */
export interface Access {
  readonly tokens: Pick<TokenCache, "find">;
  readonly sessions: Pick<Sessions, "cookie" | "find" | "isCsrfToken">;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Set where the route needs a token. */
    token: TokenView | null;
    /** The cookie's secret, where the caller came with a browser's session. */
    sessionSecret: string | null;
  }
}

/** A hook that lets only tokens of these roles through; `admin` always may. */
export function requireRole(access: Access, roles: readonly Role[]): onRequestAsyncHookHandler {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    request.token = await authenticate(access, request, reply);
    if (request.token.role !== "admin" && !roles.includes(request.token.role)) {
      throw new SlipwayError("FORBIDDEN", `A token of the role ${request.token.role} may not do this.`, {
        role: request.token.role,
        roles: ["admin", ...roles],
      });
    }
  };
}

async function authenticate({ tokens, sessions }: Access, request: FastifyRequest, reply: FastifyReply): Promise<TokenView> {
  const secret = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const cookie = request.cookies?.[sessions.cookie];
  // Who shows a token means it, whatever cookies a client keeps.
  if (secret === undefined && cookie !== undefined) return await ofSession(sessions, cookie, request);
  const token = secret === undefined ? undefined : await tokens.find(secret);
  if (token) return token;
  reply.header("www-authenticate", "Bearer");
  if (secret === undefined) throw new SlipwayError("UNAUTHENTICATED", "The request carries no token.");
  throw new SlipwayError("UNAUTHENTICATED", "The token is unknown, revoked or over.", {
    hint: "Put a valid token into the file that SLIPWAY_TOKEN_FILE names, or start `slipway up` on this machine; an administrator makes new ones.",
  });
}

/** Requests that change nothing. */
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** A browser sends its cookie with what other sites' pages ask for too: whatever changes something has to show that it is our own page. */
async function ofSession(sessions: Access["sessions"], secret: string, request: FastifyRequest): Promise<TokenView> {
  const session = await sessions.find(secret);
  if (!session) {
    throw new SlipwayError("UNAUTHENTICATED", "The session is over.", { hint: "Sign in again: run `slipway open`, or give a token on the sign-in page." });
  }
  if (!SAFE_METHODS.has(request.method) && !sessions.isCsrfToken(secret, request.headers[CSRF_HEADER])) {
    throw new SlipwayError("CSRF_REFUSED", `The request has no ${CSRF_HEADER} header of this session.`, { header: CSRF_HEADER });
  }
  request.sessionSecret = secret;
  return session.token;
}

/** The password of HTTP Basic, or undefined. Git sends any user name. */
export function basicPassword(request: FastifyRequest): string | undefined {
  const encoded = /^Basic +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : text.slice(colon + 1);
}
