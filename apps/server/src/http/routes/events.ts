import type { ControlPlane } from "../../control-plane.ts";
import { eventFrames } from "../../events/event-frames.ts";
import { sendFrames } from "../../events/event-socket.ts";
import { writeServerSentEvents } from "../../events/event-sse.ts";
import { findJob } from "../../jobs/find-job.ts";
import type { Call, Handlers } from "../call.ts";
import { closeWhenRevoked } from "../close-when-revoked.ts";
import { invalidField } from "../errors.ts";
import { keepAlive } from "../keep-alive.ts";
import { closeSignal, type RouteExtras } from "../routes.ts";

/** A job's events: a page as JSON, or a stream of server-sent events where the caller accepts that. */
export function eventHandlers(plane: ControlPlane): Pick<Handlers, "listEvents"> {
  return {
    listEvents: async (call) => {
      const { id } = await findJob(plane.store, call.params.job);
      if (call.request.headers.accept?.includes("text/event-stream")) {
        await stream(plane, call, id);
        return undefined;
      }
      const { events, lastSeq, gapTo } = await plane.store.readEvents(id, call.query.after, call.query.limit);
      return { events, lastSeq, gapTo };
    },
  };
}

/** The WebSocket half of the same path. Role, origin and cursor are checked before the upgrade, by the hooks of the route. */
export function eventExtras(plane: ControlPlane): RouteExtras {
  return {
    listEvents: {
      // Before the upgrade, so that a wrong job is answered with 404 and not with a closed socket.
      preHandler: async (request) => {
        if (request.ws) await findJob(plane.store, (request.params as { job: string }).job);
      },
      wsHandler: async (socket, request) => {
        closeWhenRevoked(plane.tokens, request.token, socket);
        const seen = keepAlive(socket, plane.streamTimes.pingMs);
        const gone = new AbortController();
        socket.on("close", () => gone.abort());
        const { id } = await findJob(plane.store, (request.params as { job: string }).job);
        await sendFrames(socket, eventFrames(plane, id, (request.query as { after: number }).after, [gone.signal, plane.closing]), seen);
      },
    },
  };
}

async function stream(plane: ControlPlane, { query, token, request, reply }: Call<"listEvents">, jobId: string): Promise<void> {
  const gone = closeSignal(reply);
  const after = cursorOf(request.headers["last-event-id"], query.after);
  const forget = plane.tokens.onRevoked(token.id, () => reply.raw.destroy());
  reply.raw.once("close", forget);
  reply.hijack();
  await writeServerSentEvents(reply.raw, eventFrames(plane, jobId, after, [gone, plane.closing]), gone, plane.streamTimes);
}

/** A reader that reconnects says where it was with `Last-Event-ID`. */
function cursorOf(lastEventId: string | string[] | undefined, after: number): number {
  if (lastEventId === undefined || lastEventId === "") return after;
  const seq = Number(lastEventId);
  if (!Number.isSafeInteger(seq) || seq < 0) throw invalidField("last-event-id", lastEventId, "expected the number of an event");
  return seq;
}
