import type { AppendableEvent } from "@slipway/protocol/events";
import { Masks } from "../secrets/masks.ts";
import type { EventSink } from "./context.ts";
import type { EventSpool, Origin } from "./event-spool.ts";
import { LogChunker } from "./log-chunker.ts";
import type { Uplink } from "./uplink.ts";

/** Size of an attempt's spool on disk from which on log events are dropped, in bytes. */
export const SPOOL_LIMIT_BYTES = 268_435_456;
/** Log events that wait in memory for the disk, in bytes; what floods faster is dropped, and counted like the rest. */
const WAITING_LIMIT_BYTES = 16_777_216;
/** While events are dropped, a gap event tells of it at most this often, in ms. */
const GAP_INTERVAL_MS = 5_000;

/** What an agent can flood. The worker's own events (phases, gates, turns) and usage are few and are always kept. */
const FLOODABLE = new Set<AppendableEvent["kind"]>(["log", "message", "tool-call", "tool-result", "file-change", "permission", "plan", "notice"]);

/**
 * The attempt's events: cut, spooled on disk, sent by the uplink. Bounded on disk: from the limit on logs are dropped, a quarter beyond it whatever
 * else an agent can flood; gap events count what is missing. The worker's own events are masked here; log bytes are by whoever reads them, a runner's events
 * by the runner.
 */
export class AttemptEvents implements EventSink {
  readonly #spool: EventSpool;
  readonly #uplink: Pick<Uplink, "acknowledged">;
  readonly #limitBytes: number;
  readonly #masks: Masks;
  readonly #chunkers = new Map<string, LogChunker>();
  #dropped = { events: 0, bytes: 0 };
  #runner = "";
  #droppedRunnerOrdinal = 0;
  #gapAt = Number.NEGATIVE_INFINITY;
  #failure: unknown;

  constructor(spool: EventSpool, uplink: Pick<Uplink, "acknowledged">, limitBytes = SPOOL_LIMIT_BYTES, masks = new Masks()) {
    this.#spool = spool;
    this.#uplink = uplink;
    this.#limitBytes = limitBytes;
    this.#masks = masks;
  }

  get lastRunnerOrdinal(): number {
    return Math.max(this.#spool.lastRunnerOrdinal(this.#runner), this.#droppedRunnerOrdinal);
  }

  /** Which runner the next events come from: every start of a sandbox has a runner that counts from 1. */
  useRunner(source: string): void {
    if (this.#runner === source) return;
    this.#runner = source;
    this.#droppedRunnerOrdinal = 0;
  }

  async emit(event: AppendableEvent): Promise<void> {
    await this.#add(Date.now(), this.#masks.event(event));
  }

  async emitOnce(key: string, event: AppendableEvent): Promise<void> {
    if (this.#spool.has(key)) return await this.#spool.settled();
    await this.#add(Date.now(), this.#masks.event(event), { key });
  }

  has(key: string): boolean {
    return this.#spool.has(key);
  }

  async emitFromRunner(runnerOrdinal: number, at: number, event: AppendableEvent): Promise<void> {
    if (runnerOrdinal <= this.lastRunnerOrdinal) return await this.#spool.settled();
    await this.#add(at, event, { runner: { source: this.#runner, ordinal: runnerOrdinal } });
  }

  log(stream: string, bytes: Uint8Array): void {
    let chunker = this.#chunkers.get(stream);
    if (!chunker) {
      // A spool that cannot be written fails the next emit or flush, which somebody awaits.
      chunker = new LogChunker(stream, this.#spool.streamOffset(stream), (event) => {
        this.#add(Date.now(), event).catch((error: unknown) => {
          this.#failure ??= error;
        });
      });
      this.#chunkers.set(stream, chunker);
    }
    chunker.push(bytes);
  }

  async settleLog(stream: string): Promise<void> {
    this.#chunkers.get(stream)?.flush();
    await this.#spool.settled();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await this.settle();
    await this.#uplink.acknowledged(this.#spool.lastOrdinal, signal);
  }

  /** Resolves when all of it, cut streams and counted gaps too, is on disk. */
  async settle(): Promise<void> {
    for (const chunker of this.#chunkers.values()) chunker.flush();
    await this.#tellGap();
    await this.#spool.settled();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #add(at: number, event: AppendableEvent, origin: Origin = {}): Promise<void> {
    if (this.#mustDrop(event)) {
      this.#dropped.events += 1;
      this.#dropped.bytes += event.kind === "log" ? Buffer.byteLength(event.data.text, event.data.encoding) : Buffer.byteLength(JSON.stringify(event.data));
      if (origin.runner !== undefined) this.#droppedRunnerOrdinal = origin.runner.ordinal;
      if (performance.now() - this.#gapAt >= GAP_INTERVAL_MS) await this.#tellGap();
      return;
    }
    // The gap goes first: subscribers see it where the missing events would have been. Not awaited apart, so that the order is the order of calls.
    await Promise.all([this.#tellGap(), this.#spool.append(at, event, origin)]);
  }

  #mustDrop(event: AppendableEvent): boolean {
    if (event.kind === "log" && (this.#spool.size >= this.#limitBytes || this.#spool.waitingBytes >= WAITING_LIMIT_BYTES)) return true;
    return FLOODABLE.has(event.kind) && this.#spool.size >= this.#limitBytes * 1.25;
  }

  async #tellGap(): Promise<void> {
    const { events, bytes } = this.#dropped;
    if (events === 0) return;
    this.#dropped = { events: 0, bytes: 0 };
    this.#gapAt = performance.now();
    const dropped = { source: this.#runner, ordinal: this.#droppedRunnerOrdinal };
    const runner = dropped.ordinal > this.#spool.lastRunnerOrdinal(this.#runner) ? dropped : undefined;
    await this.#spool.append(Date.now(), { kind: "gap", data: { reason: "worker-spool-limit", droppedEvents: events, droppedBytes: bytes } }, { runner });
  }
}
