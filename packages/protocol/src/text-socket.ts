import WebSocket from "ws";
import { errorOfAnswer } from "./error-answer.ts";
import { SlipwayError } from "./errors.ts";

/** How many messages may wait for the consumer before the socket is paused. */
const QUEUE_LIMIT = 1_000;

/** Which WebSocket, and the token to show it. */
export interface TextSocketOptions {
  /** The server's address, such as `http://127.0.0.1:4750`. */
  readonly url: string;
  readonly path: string;
  readonly token: string;
  readonly signal?: AbortSignal | undefined;
  readonly onOpen?: (() => void) | undefined;
}

/**
 * Text messages of a WebSocket of the server, until it closes. Pauses the socket while the consumer is behind, so that memory stays bounded. Ends with the
 * server's refusal, with SERVER_UNAVAILABLE, or with the signal's reason.
 */
export async function* textsOf({ url, path, token, signal, onOpen }: TextSocketOptions): AsyncGenerator<string> {
  signal?.throwIfAborted();
  const socket = new WebSocket(url.replace(/^http/, "ws") + path, { headers: { authorization: `Bearer ${token}` } });
  const queue: string[] = [];
  let ended: { error?: Error } | undefined;
  let wake = (): void => {};
  const end = (error?: Error): void => {
    ended ??= error ? { error } : {};
    wake();
  };
  const abort = (): void => {
    end(signal?.reason instanceof Error ? signal.reason : new DOMException("aborted", "AbortError"));
    socket.terminate();
  };
  signal?.addEventListener("abort", abort, { once: true });
  socket.on("open", () => onOpen?.());
  socket.on("message", (data) => {
    queue.push(String(data));
    if (queue.length > QUEUE_LIMIT) socket.pause();
    wake();
  });
  socket.on("unexpected-response", (request, response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => {
      end(errorOfAnswer(response.statusCode ?? 500, Buffer.concat(chunks).toString()));
      request.destroy();
    });
  });
  socket.on("error", (error) => end(new SlipwayError("SERVER_UNAVAILABLE", `The server at ${url} does not answer.`, { url }, { cause: error })));
  socket.on("close", () => end());
  try {
    for (;;) {
      const next = queue.shift();
      if (next !== undefined) {
        if (queue.length === 0 && socket.isPaused) socket.resume();
        yield next;
      } else if (ended) {
        if (ended.error) throw ended.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    socket.terminate();
  }
}
