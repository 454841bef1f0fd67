import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import {
  type AheadRequest,
  RUNNER_MESSAGE_LIMIT_BYTES,
  type RunnerToWorker,
  type TurnRequest,
  type TurnResult,
  type WorkerToRunner,
} from "@slipway/protocol/runner-protocol";
import type { SteerMessage } from "../../attempt/steer-inbox.ts";
import type { TurnOptions, WarmUpFailure } from "../sandbox.ts";
import { type Listener, listenForRunner, type Peer } from "./listener.ts";
import { invalidOutput, parseRunnerMessage } from "./messages.ts";
import { PendingTurn } from "./pending-turn.ts";

/** How long a runner that is alive may stay away in a turn; it connects again every quarter of a second. */
const AWAY_LIMIT_MS = 10_000;
/** After the runner is gone, what it sent before may still be read for this long. */
const LAST_WORDS_LIMIT_MS = 1_000;

type RunnerEvent = Extract<RunnerToWorker, { type: "event" }>;

/**
 * The worker's end of the conversation with the runner of one sandbox, over any number of connections. It reads no faster than `onEvent` resolves, so a
 * flood stays in the runner's spool. What does not fit the protocol ends the connection and the turn, never the worker.
 */
export class RunnerLink {
  #listener: Listener | undefined;
  #peer: Peer | undefined;
  /** The current peer was told where to go on; before that it sends nothing but its hello. */
  #isWelcomed = false;
  #reading: Promise<void> = Promise.resolve();
  #turn: PendingTurn | undefined;
  #lastOrdinal = 0;
  #lostAs: SlipwayError | undefined;
  #awayTimer: NodeJS.Timeout | undefined;
  readonly #connected = Promise.withResolvers<void>();
  #pings = 0;
  #hadTurn = false;
  readonly #warmed = Promise.withResolvers<readonly WarmUpFailure[]>();
  /** Told when the runner answers a ping. */
  #pong = Promise.withResolvers<void>();
  /** Resolved, and replaced, whenever a turn begins or the link is lost. */
  #change = Promise.withResolvers<void>();

  private constructor() {
    // Not everybody waits for it.
    this.#connected.promise.catch(() => {});
  }

  static async listen(socketPath: string, nonce: string): Promise<RunnerLink> {
    const link = new RunnerLink();
    link.#listener = await listenForRunner(socketPath, nonce, (peer) => link.#take(peer));
    return link;
  }

  /** Resolves with the first hello; rejects where the runner was lost before. */
  get connected(): Promise<void> {
    return this.#connected.promise;
  }

  /** See `Sandbox.warmedUp`. */
  get warmedUp(): Promise<readonly WarmUpFailure[]> {
    return this.#warmed.promise;
  }

  /** See `Sandbox.turn`. */
  async turn(request: TurnRequest, options: TurnOptions): Promise<TurnResult> {
    options.signal.throwIfAborted();
    if (this.#lostAs) throw this.#lostAs;
    if (this.#turn) throw new SlipwayError("INTERNAL", "A turn is already running in this sandbox.", { turnId: this.#turn.request.turnId });
    if (Buffer.byteLength(JSON.stringify(request)) > RUNNER_MESSAGE_LIMIT_BYTES) {
      throw new SlipwayError("PAYLOAD_TOO_LARGE", "The turn's prompt, settings and environment are too large.", { limitBytes: RUNNER_MESSAGE_LIMIT_BYTES });
    }
    const turn = new PendingTurn(request, options, () => this.#send({ type: "cancel", turnId: request.turnId }));
    this.#lastOrdinal = Math.max(this.#lastOrdinal, options.afterOrdinal);
    this.#turn = turn;
    this.#hadTurn = true;
    this.#begin();
    this.#announce();
    try {
      return await turn.outcome;
    } finally {
      this.#turn = undefined;
      clearTimeout(this.#awayTimer);
    }
  }

  /** Sends what its turn will most likely have to a runner that has said hello. One that is gone, or has had a turn, needs it no more. */
  startAhead(request: AheadRequest): void {
    if (this.#peer && !this.#hadTurn && Buffer.byteLength(JSON.stringify(request)) <= RUNNER_MESSAGE_LIMIT_BYTES) this.#send(request);
  }

  /** See `Sandbox.steer`. */
  steer(turnId: string, { messageId, text }: SteerMessage): boolean {
    if (this.#turn?.request.turnId !== turnId || !this.#peer || !this.#isWelcomed) return false;
    this.#send({ type: "steer", turnId, messageId, text });
    return true;
  }

  /** Whether the runner answers within this time. */
  async ping(limitMs: number): Promise<boolean> {
    if (this.#lostAs || !this.#peer) return false;
    const answered = this.#pong.promise.then(() => true);
    this.#pings += 1;
    this.#send({ type: "ping", n: this.#pings });
    const stop = new AbortController();
    try {
      // The abort is this method's own end.
      return await Promise.race([answered, delay(limitMs, false, { signal: stop.signal, ref: false }).catch(() => false)]);
    } finally {
      stop.abort();
    }
  }

  /** Ends the link because the runner is gone; what it sent before is read first. */
  async lose(reason: SlipwayError): Promise<void> {
    await Promise.race([this.#reading, delay(LAST_WORDS_LIMIT_MS, undefined, { ref: false })]);
    await this.close(reason);
  }

  /** Ends the link at once. A running turn ends with `reason`. */
  async close(reason: SlipwayError): Promise<void> {
    this.#lostAs ??= reason;
    this.#connected.reject(reason);
    this.#turn?.fail(reason);
    this.#announce();
    this.#peer?.socket.destroy();
    const listener = this.#listener;
    this.#listener = undefined;
    await listener?.close();
  }

  #take(peer: Peer): void {
    // The first one stays: a second runner that knows the nonce is not the one that was started.
    if (this.#peer || this.#lostAs) {
      peer.socket.destroy();
      return;
    }
    this.#peer = peer;
    this.#isWelcomed = false;
    this.#begin();
    this.#connected.resolve();
    this.#reading = this.#read(peer);
  }

  /** Tells a connected runner where to go on, and of the turn; a turn that it knows already is not started again. */
  #begin(): void {
    const [turn, peer] = [this.#turn, this.#peer];
    if (!turn) return;
    clearTimeout(this.#awayTimer);
    if (!peer) {
      this.#awayTimer = setTimeout(() => turn.fail(new SlipwayError("RUNNER_LOST", "The runner does not connect again.")), AWAY_LIMIT_MS);
      return;
    }
    if (!this.#isWelcomed) {
      if (peer.hello.lastOrdinal < this.#lastOrdinal) {
        turn.fail(invalidOutput(`it says that its last event is ${peer.hello.lastOrdinal}, but ${this.#lastOrdinal} is known`));
        peer.socket.destroy();
        return;
      }
      this.#isWelcomed = true;
      this.#send({ type: "welcome", afterOrdinal: this.#lastOrdinal });
    }
    this.#send(turn.request);
  }

  async #read(peer: Peer): Promise<void> {
    try {
      for await (const line of peer.lines) await this.#handle(parseRunnerMessage(line), peer);
    } catch (error) {
      // A broken connection comes back; a runner that breaks the protocol, or a listener that fails, ends the turn.
      if (error instanceof SlipwayError) this.#turn?.fail(error);
      else if (error instanceof RangeError) this.#turn?.fail(invalidOutput(error.message));
    } finally {
      peer.socket.destroy();
      this.#peer = undefined;
      this.#begin();
    }
  }

  async #handle(message: RunnerToWorker, peer: Peer): Promise<void> {
    switch (message.type) {
      case "hello":
        throw invalidOutput("a second hello");
      case "pong":
        this.#pong.resolve();
        this.#pong = Promise.withResolvers();
        return;
      case "event":
        return await this.#deliver(message, peer);
      case "warmed":
        // Said by an agent it means nothing.
        if (!this.#hadTurn) this.#warmed.resolve(message.failures);
        return;
      case "result":
        // One of an earlier turn may come again after a new connection.
        if (message.turnId === this.#turn?.request.turnId) this.#turn.finish(message.result);
    }
  }

  async #deliver(event: RunnerEvent, peer: Peer): Promise<void> {
    // Between turns nobody listens: the rest of an ended turn waits here, and the runner with it.
    while (!this.#turn) {
      if (this.#lostAs || peer.socket.destroyed) return;
      await Promise.race([this.#change.promise, once(peer.socket, "close")]);
    }
    if (event.ordinal <= this.#lastOrdinal) return;
    if (event.ordinal !== this.#lastOrdinal + 1) throw invalidOutput(`event ${event.ordinal} follows event ${this.#lastOrdinal}`);
    await this.#turn.deliver(event.ordinal, event.at, event.event);
    this.#lastOrdinal = event.ordinal;
    this.#send({ type: "ack", ordinal: event.ordinal });
  }

  #send(message: WorkerToRunner): void {
    const socket = this.#peer?.socket;
    if (!socket?.writable) return;
    // A runner that does not read gets no more acknowledgements; the next one that fits says as much as all of them.
    if (message.type === "ack" && socket.writableNeedDrain) return;
    socket.write(`${JSON.stringify(message)}\n`);
  }

  #announce(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}
