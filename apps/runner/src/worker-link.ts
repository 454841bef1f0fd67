import { createConnection, type Socket } from "node:net";
import type { RunnerToWorker, WorkerToRunner } from "@slipway/protocol/runner-protocol";
import type { EventSpool, SpoolCursor } from "./spool/event-spool.ts";

/** RUNNER_PROTOCOL_VERSION; its type holds the two equal, and importing it would load all schemas before the hello. */
const PROTOCOL: Extract<RunnerToWorker, { type: "hello" }>["protocol"] = 1;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

export interface WorkerLinkSettings {
  readonly socketPath: string;
  readonly nonce: string;
  readonly spool: EventSpool;
  /** Id of the running turn. */
  turnId(): string | null;
  /** Everything but welcome, ack and ping, which the link sees to itself. */
  onMessage(message: Extract<WorkerToRunner, { type: "ahead" | "turn" | "cancel" | "steer" | "stop" }>): void;
  onHello?(): void;
}

/**
 * The runner's end of the conversation with the worker. It connects for as long as the process lives, because a worker that was killed comes back, and sends
 * events out of the spool as fast as the worker takes them: nothing waits in memory.
 */
export class WorkerLink {
  readonly #settings: WorkerLinkSettings;
  #socket: Socket | undefined;
  /** Where the worker's welcome put the reader; undefined before it. */
  #cursor: SpoolCursor | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  /** Messages that must not overtake the events before them. */
  #afterEvents: RunnerToWorker[] = [];

  constructor(settings: WorkerLinkSettings) {
    this.#settings = settings;
  }

  connect(): void {
    const socket = createConnection(this.#settings.socketPath);
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("connect", () => {
      this.#pauseMs = FIRST_PAUSE_MS;
      const { nonce, spool } = this.#settings;
      this.#write({ type: "hello", protocol: PROTOCOL, nonce, lastOrdinal: spool.lastOrdinal, turnId: this.#settings.turnId() });
      this.#settings.onHello?.();
    });
    let rest = "";
    socket.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#receive(JSON.parse(line) as WorkerToRunner);
    });
    socket.on("drain", () => this.pump());
    // The close that follows says all there is to know.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#cursor = undefined;
      // A worker that comes back asks again for what it needs.
      this.#afterEvents = [];
      setTimeout(() => this.connect(), this.#pauseMs);
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    });
  }

  /** Sends what the spool has and the worker has not, until the socket is full; then what had to wait for it. */
  pump(): void {
    const socket = this.#socket;
    if (!this.#cursor || !socket) return;
    while (!socket.writableNeedDrain) {
      const lines = this.#settings.spool.read(this.#cursor);
      if (!lines) break;
      socket.write(lines);
    }
    if (socket.writableNeedDrain) return;
    for (const message of this.#afterEvents.splice(0)) this.#write(message);
  }

  /** Sends a turn's result after all events before it; lost with the connection, because the worker then asks again. */
  sendResult(message: Extract<RunnerToWorker, { type: "result" }>): void {
    if (!this.#cursor) return;
    this.#afterEvents.push(message);
    this.pump();
  }

  /** Tells of the warm-up; lost where there is no connection, as it is for people alone. */
  sendWarmed(message: Extract<RunnerToWorker, { type: "warmed" }>): void {
    this.#write(message);
  }

  #receive(message: WorkerToRunner): void {
    switch (message.type) {
      case "welcome":
        this.#cursor = this.#settings.spool.seek(message.afterOrdinal);
        this.#settings.spool.acknowledge(message.afterOrdinal);
        this.pump();
        return;
      case "ack":
        this.#settings.spool.acknowledge(message.ordinal);
        return;
      case "ping":
        this.#write({ type: "pong", n: message.n });
        return;
      default:
        this.#settings.onMessage(message);
    }
  }

  #write(message: RunnerToWorker): void {
    this.#socket?.write(`${JSON.stringify(message)}\n`);
  }
}
