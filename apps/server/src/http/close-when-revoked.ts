import type { TokenView } from "@slipway/protocol/accounts";
import type { WebSocket } from "ws";
import type { TokenCache } from "./token-cache.ts";

/** Closes a WebSocket, with 1008 (policy violation), when the token that opened it is revoked. */
export function closeWhenRevoked(tokens: TokenCache, token: TokenView | null, socket: WebSocket): void {
  if (token === null) return;
  const forget = tokens.onRevoked(token.id, () => socket.close(1008, "the token was revoked"));
  socket.once("close", forget);
}
