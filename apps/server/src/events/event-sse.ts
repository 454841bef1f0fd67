import type { ServerResponse } from "node:http";
import type { EventFrame } from "@slipway/protocol/events";
import type { StreamTimes } from "./stream-times.ts";

/**
 * Writes frames as server-sent events: `id` is the event's number, `event` the frame's type. The next frame is taken when the reader has taken the one
 * before, so that a slow reader costs no more than a stream's own buffer and a frame here; one that takes nothing is cut, and can go on behind its last event.
 */
export async function writeServerSentEvents(
  response: ServerResponse,
  frames: AsyncIterable<EventFrame>,
  signal: AbortSignal,
  times: Omit<StreamTimes, "pingMs">,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" });
  response.flushHeaders();
  const heartbeat = setInterval(() => {
    // Behind what waits already it would only add to it.
    if (!response.writableNeedDrain) response.write(": still here\n\n");
  }, times.heartbeatMs).unref();
  try {
    for await (const frame of frames) {
      if (!response.write(format(frame)) && !(await drained(response, signal, times.stallMs))) {
        response.destroy();
        return;
      }
    }
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
}

function format(frame: EventFrame): string {
  const id = frame.type === "event" ? `id: ${frame.event.seq}\n` : "";
  const data = frame.type === "event" ? frame.event : frame;
  return `${id}event: ${frame.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** False where the reader went away, or has taken nothing for `stallMs`. */
async function drained(response: ServerResponse, signal: AbortSignal, stallMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const taken = (): void => resolve(true);
  const gone = (): void => resolve(false);
  const timer = setTimeout(gone, stallMs).unref();
  response.once("drain", taken);
  signal.addEventListener("abort", gone, { once: true });
  if (signal.aborted) gone();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    response.off("drain", taken);
    signal.removeEventListener("abort", gone);
  }
}
