import { CHANGES_PATH } from "@slipway/protocol/changes";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { ControlPlane } from "../control-plane.ts";
import { requireRole } from "../http/auth.ts";
import { closeWhenRevoked } from "../http/close-when-revoked.ts";
import { keepAlive } from "../http/keep-alive.ts";
import { TOPICS_OF_CALLS } from "./topics.ts";

/** Bytes that may wait for a reader; one that is further behind is cut, and comes back with its cursor. */
const BUFFER_LIMIT_BYTES = 1_048_576;

const querySchema = z.object({ cursor: z.string().max(100).optional() });

/** The WebSocket of `ChangeFrame`s, and what feeds them: calls that went well. Jobs tell of themselves by their events. */
export function addChanges(app: FastifyInstance, plane: ControlPlane): void {
  app.addHook("onResponse", async (request, reply) => {
    const { endpoint } = request.routeOptions.config;
    if (endpoint === undefined || reply.statusCode >= 400) return;
    for (const topic of TOPICS_OF_CALLS[endpoint] ?? []) plane.changes.topic(topic);
  });
  app.route({
    method: "GET",
    url: CHANGES_PATH,
    schema: { hide: true, querystring: querySchema },
    onRequest: requireRole(plane, ["submitter", "viewer"]),
    handler: async (_request, reply) => await reply.status(426).header("upgrade", "websocket").send(),
    wsHandler: (socket, request) => {
      closeWhenRevoked(plane.tokens, request.token, socket);
      keepAlive(socket, plane.streamTimes.pingMs);
      const forget = plane.changes.listen((request.query as z.infer<typeof querySchema>).cursor, (frame) => {
        if (socket.bufferedAmount > BUFFER_LIMIT_BYTES) socket.terminate();
        else if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame));
      });
      const close = (): void => socket.close(1001, "the server closes");
      plane.closing.addEventListener("abort", close, { once: true });
      socket.once("close", () => {
        forget();
        plane.closing.removeEventListener("abort", close);
      });
    },
  });
}
