import type { Role, TokenView } from "@slipway/protocol/accounts";
import { SlipwayError } from "@slipway/protocol/errors";
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from "fastify";
import type { TokenCache } from "./token-cache.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set where the route needs a token. */
    token: TokenView | null;
  }
}

/** A hook that lets only tokens of these roles through; `admin` always may. */
export function requireRole(tokens: TokenCache, roles: readonly Role[]): onRequestAsyncHookHandler {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    request.token = await authenticate(tokens, request, reply);
    if (request.token.role !== "admin" && !roles.includes(request.token.role)) {
      throw new SlipwayError("FORBIDDEN", `A token of the role ${request.token.role} may not do this.`, {
        role: request.token.role,
        roles: ["admin", ...roles],
      });
    }
  };
}

async function authenticate(tokens: TokenCache, request: FastifyRequest, reply: FastifyReply): Promise<TokenView> {
  const secret = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const token = secret === undefined ? undefined : await tokens.find(secret);
  if (token) return token;
  reply.header("www-authenticate", "Bearer");
  if (secret === undefined) throw new SlipwayError("UNAUTHENTICATED", "The request carries no token.");
  throw new SlipwayError("UNAUTHENTICATED", "The token is unknown, revoked or over.", {
    hint: "Put a valid token into the file that SLIPWAY_TOKEN_FILE names, or start `slipway up` on this machine; an administrator makes new ones.",
  });
}

/** The password of HTTP Basic, or undefined. Git sends any user name. */
export function basicPassword(request: FastifyRequest): string | undefined {
  const encoded = /^Basic +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : text.slice(colon + 1);
}
