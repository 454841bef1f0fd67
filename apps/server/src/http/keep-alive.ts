import type { WebSocket } from "ws";

/** How often a silent connection is asked whether it lives, in ms; one that has not answered by the next time is cut. */
export const PING_MS = 5_000;

/**
 * Asks a WebSocket every `pingMs` whether somebody is there and cuts it where nobody has answered by the next time: one whose other end vanished without
 * a word would else be kept for ever. Ends with the connection. `onAlive` is called with every answer; the returned function tells of another sign of life.
 */
export function keepAlive(socket: WebSocket, pingMs: number, onAlive: () => void = () => undefined): () => void {
  let alive = true;
  const ask = (): void => {
    if (!alive) {
      socket.terminate();
      return;
    }
    alive = false;
    socket.ping();
  };
  // After what has arrived is read: where we stood still ourselves, the answer is there and nobody has looked.
  const timer = setInterval(() => setImmediate(ask), pingMs).unref();
  socket.on("pong", () => {
    alive = true;
    onAlive();
  });
  socket.once("close", () => clearInterval(timer));
  return () => {
    alive = true;
  };
}
