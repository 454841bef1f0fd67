import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { EventFrame } from "@slipway/protocol/events";

/** An SSE comment this often keeps proxies from closing a silent stream, in ms. */
const KEEP_ALIVE_MS = 15_000;

/** Writes frames as server-sent events: `id` is the event's number, `event` the frame's type. Waits for slow readers. */
export async function writeServerSentEvents(response: ServerResponse, frames: AsyncIterable<EventFrame>, signal: AbortSignal): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" });
  response.flushHeaders();
  const keepAlive = setInterval(() => response.write(": still here\n\n"), KEEP_ALIVE_MS);
  try {
    for await (const frame of frames) {
      if (!response.write(format(frame))) await drained(response, signal);
      if (signal.aborted) break;
    }
  } finally {
    clearInterval(keepAlive);
    response.end();
  }
}

function format(frame: EventFrame): string {
  const id = frame.type === "event" ? `id: ${frame.event.seq}\n` : "";
  const data = frame.type === "event" ? frame.event : frame;
  return `${id}event: ${frame.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    await once(response, "drain", { signal });
  } catch (error) {
    // The reader went away; the caller's loop ends by the signal.
    if (!signal.aborted) throw error;
  }
}
