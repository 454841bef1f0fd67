import type { TokenView } from "@slipway/protocol/accounts";
import { SlipwayError } from "@slipway/protocol/errors";
import type { SessionView } from "@slipway/protocol/session";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ControlPlane } from "../../control-plane.ts";
import { actorOf } from "../audit-failures.ts";
import type { Handlers } from "../call.ts";

/** Browsers: signing in, who is signed in, signing out. */
export function sessionHandlers(plane: ControlPlane): Pick<Handlers, "createSession" | "getSession" | "endSession" | "createSignInCode"> {
  const { sessions, tokens } = plane;
  return {
    createSession: async ({ body, request, reply }) => {
      const token = "token" in body ? await tokens.find(body.token) : sessions.takeCode(body.code);
      const opened = token && (await sessions.open(token, actorOf(request, token)));
      if (!opened) throw refused("token" in body ? "token" : "code");
      const { secret, session } = opened;
      setCookie(plane, request, reply, { secret, expiresAt: session.expiresAt });
      return viewOf(session.token, { csrfToken: sessions.csrfToken(secret), expiresAt: session.expiresAt });
    },
    getSession: async ({ token, request }) => {
      const { sessionSecret: secret } = request;
      if (secret === null) return viewOf(token, { csrfToken: null, expiresAt: token.expiresAt });
      const session = await sessions.find(secret);
      return viewOf(token, { csrfToken: sessions.csrfToken(secret), expiresAt: session?.expiresAt ?? null });
    },
    endSession: async ({ request, reply }) => {
      const { sessionSecret: secret } = request;
      if (secret === null)
        throw new SlipwayError("CONFLICT", "The caller came with a token, and has no session to end.", { hint: "A token is revoked by an administrator." });
      await sessions.end(secret);
      reply.clearCookie(sessions.cookie, { path: "/" });
      return {};
    },
    createSignInCode: async ({ token }) => sessions.makeCode(token),
  };
}

function viewOf({ name, role }: TokenView, rest: Pick<SessionView, "csrfToken" | "expiresAt">): SessionView {
  return { name, role, ...rest };
}

function refused(what: "token" | "code"): SlipwayError {
  if (what === "token") return new SlipwayError("UNAUTHENTICATED", "The token is unknown, revoked or over.", { hint: "An administrator makes new ones." });
  return new SlipwayError("UNAUTHENTICATED", "The sign-in code was used already, or is older than a minute.", { hint: "Run `slipway open` again." });
}

function setCookie(
  { sessions }: ControlPlane,
  request: FastifyRequest,
  reply: FastifyReply,
  { secret, expiresAt }: { secret: string; expiresAt: number },
): void {
  reply.setCookie(sessions.cookie, secret, {
    path: "/",
    httpOnly: true,
    sameSite: "strict",
    // A proxy in front of us that speaks TLS says so; whoever claims it falsely only keeps the cookie from plain HTTP.
    secure: request.protocol === "https" || request.headers["x-forwarded-proto"] === "https",
    expires: new Date(expiresAt),
  });
}
