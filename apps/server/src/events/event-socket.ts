import type { EventFrame } from "@slipway/protocol/events";
import type { WebSocket } from "ws";

/** Bytes that may wait in a socket's buffer before the store is read no further. */
const BUFFER_LIMIT_BYTES = 262_144;

/**
 * Sends frames as fast as the reader takes them; closes after the end frame, or with 1001 where the frames end early (the server closes). `seen` is called
 * when a reader that is behind has taken something: its answer to a ping is then still behind what waits for it.
 */
export async function sendFrames(socket: WebSocket, frames: AsyncIterable<EventFrame>, seen: () => void): Promise<void> {
  for await (const frame of frames) {
    if (socket.readyState !== socket.OPEN) return;
    const text = JSON.stringify(frame);
    if (socket.bufferedAmount > BUFFER_LIMIT_BYTES) {
      await sendAndDrain(socket, text);
      seen();
    } else socket.send(text);
    if (frame.type === "end") {
      socket.close(1000, "end of the job");
      return;
    }
  }
  socket.close(1001, "the server closes");
}

/** Resolves when all that is buffered went to the kernel, or when the socket broke (the loop then ends by its state). */
async function sendAndDrain(socket: WebSocket, text: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.send(text, () => resolve());
  socket.once("close", resolve);
  await promise;
  socket.off("close", resolve);
}
