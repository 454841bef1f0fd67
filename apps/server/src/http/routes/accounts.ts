import { SlipwayError } from "@slipway/protocol/errors";
import { newId } from "@slipway/protocol/scalars";
import { type ControlPlane, SERVER_VERSION } from "../../control-plane.ts";
import { newToken, sha256 } from "../../secrets.ts";
import type { Handlers } from "../call.ts";

/** Who is there: the server's own health, the caller's token, all tokens. */
export function accountHandlers(plane: ControlPlane): Pick<Handlers, "health" | "whoami" | "createToken" | "listTokens" | "revokeToken"> {
  return {
    health: async () => ({ ok: true, version: SERVER_VERSION, installationId: plane.store.installationId }),
    whoami: async ({ token }) => ({ name: token.name, role: token.role }),
    createToken: async ({ body, by }) => {
      const token = newToken();
      const { name, role, expiresAt = null } = body;
      const view = await plane.store.createToken({ id: newId(), name, role, sha256: sha256(token), expiresAt }, by);
      return { token, view };
    },
    listTokens: async () => ({ tokens: await plane.store.listTokens() }),
    revokeToken: async ({ params, by }) => {
      if (!(await plane.tokens.revoke(params.token, by))) throw new SlipwayError("NOT_FOUND", "There is no such token.", { token: params.token });
      return {};
    },
  };
}
