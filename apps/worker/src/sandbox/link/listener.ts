import { timingSafeEqual } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { RUNNER_MESSAGE_LIMIT_BYTES, type RunnerToWorker } from "@slipway/protocol/runner-protocol";
import { LineBuffer } from "./line-buffer.ts";
import { parseRunnerMessage } from "./messages.ts";

/** What fits in sun_path of sockaddr_un beside its final zero byte: unix(4) of macOS, unix(7) of Linux. */
const SOCKET_PATH_LIMIT_BYTES = process.platform === "darwin" ? 103 : 107;
const HELLO_LIMIT_BYTES = 4_096;
const HELLO_LIMIT_MS = 2_000;
/** Strangers that have not said hello yet, at once. */
const STRANGERS_LIMIT = 8;

export type Hello = Extract<RunnerToWorker, { type: "hello" }>;

/** A connection whose hello carried the nonce. `lines` gives what follows; a slow reader slows the peer down. */
export interface Peer {
  readonly socket: Socket;
  readonly hello: Hello;
  readonly lines: AsyncGenerator<string>;
}

export interface Listener {
  /** Stops listening, drops strangers and removes the socket. */
  close(): Promise<void>;
}

/**
 * Listens on a unix socket for the one runner that knows the nonce. Everything else that connects is dropped without an answer. `onPeer` decides about a
 * peer while an earlier one is still there. SANDBOX_UNAVAILABLE where the socket cannot be made.
 */
export async function listenForRunner(socketPath: string, nonce: string, onPeer: (peer: Peer) => void): Promise<Listener> {
  if (Buffer.byteLength(socketPath) > SOCKET_PATH_LIMIT_BYTES) {
    throw new SlipwayError("SANDBOX_UNAVAILABLE", `The socket's path is longer than ${SOCKET_PATH_LIMIT_BYTES} bytes: ${socketPath}.`, {
      hint: "Set XDG_RUNTIME_DIR to a folder with a shorter path.",
    });
  }
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o700 });
  await rm(socketPath, { force: true });
  const strangers = new Set<Socket>();
  const server = createServer((socket) => {
    // What goes wrong on a socket shows as the end of its lines.
    socket.on("error", () => {});
    if (strangers.size >= STRANGERS_LIMIT) {
      socket.destroy();
      return;
    }
    strangers.add(socket);
    meet(socket, nonce).then(
      (peer) => {
        strangers.delete(socket);
        if (server.listening) onPeer(peer);
        else socket.destroy();
      },
      () => {
        // A stranger: whatever it said, it gets no answer.
        strangers.delete(socket);
        socket.destroy();
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new SlipwayError("SANDBOX_UNAVAILABLE", `The worker cannot listen on ${socketPath}: ${error.message}.`, {}, { cause: error })),
    );
    server.listen(socketPath, resolve);
  });
  return {
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of strangers) socket.destroy();
      await closed;
    },
  };
}

async function meet(socket: Socket, nonce: string): Promise<Peer> {
  const timer = setTimeout(() => socket.destroy(), HELLO_LIMIT_MS);
  try {
    const lines = linesOf(socket);
    const first = await lines.next();
    if (first.done) throw new Error("the connection ended before its hello");
    const hello = parseRunnerMessage(first.value);
    if (hello.type !== "hello" || !isSame(hello.nonce, nonce)) throw new Error("not the runner");
    return { socket, hello, lines };
  } finally {
    clearTimeout(timer);
  }
}

/** A line of a stranger may be as long as a hello, those that follow as long as a message. */
async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let buffer = new LineBuffer(HELLO_LIMIT_BYTES);
  let isFirst = true;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    let rest = chunk;
    if (isFirst) {
      const end = rest.indexOf(10);
      for (const line of buffer.push(end === -1 ? rest : rest.subarray(0, end + 1))) yield line;
      if (end === -1) continue;
      isFirst = false;
      buffer = new LineBuffer(RUNNER_MESSAGE_LIMIT_BYTES);
      rest = rest.subarray(end + 1);
    }
    yield* buffer.push(rest);
  }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
