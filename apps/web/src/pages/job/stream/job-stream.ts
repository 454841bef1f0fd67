import type { EventFrame, JobEvent } from "@slipway/protocol/events";
import { LogStore } from "../log/log-store.ts";
import { KeptEvents } from "./kept-events.ts";

/** How a page stands to a job's events. `catching-up`: what was there before is on its way. `ended`: the job is over, and all of it is here. */
export type StreamStatus =
  | { readonly status: "connecting" | "live" | "ended" }
  | { readonly status: "catching-up"; readonly at: number; readonly of: number }
  | { readonly status: "lost"; readonly since: number };

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
/** How long changes are gathered before the page is told, in ms. */
const TOLD_AFTER_MS = 80;

/**
 * The events of one job, over one WebSocket: what was there, then what comes. A connection that breaks is taken up behind the last event that came, so that
 * none is missed and none comes twice.
 */
export class JobStream {
  readonly job: string;
  readonly log = new LogStore();
  readonly events = new KeptEvents();
  readonly #listeners = new Set<() => void>();
  #state: StreamStatus = { status: "connecting" };
  #after = 0;
  #known: number;
  #version = 0;
  #socket: WebSocket | null = null;
  #retryTimer: ReturnType<typeof setTimeout> | null = null;
  #tellTimer: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;
  #isOpen = false;

  /** `lastSeq`: the number of the newest event that is known to be there. */
  constructor(job: string, lastSeq: number) {
    this.job = job;
    this.#known = lastSeq;
  }

  get state(): StreamStatus {
    return this.#state;
  }

  /** Counts up when there is something new to show. */
  get version(): number {
    return this.#version;
  }

  /** For `useSyncExternalStore`. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  open(): void {
    this.#isOpen = true;
    if (this.#socket === null && this.#retryTimer === null && this.#state.status !== "ended") this.#connect();
  }

  close(): void {
    this.#isOpen = false;
    for (const timer of [this.#retryTimer, this.#tellTimer]) if (timer !== null) clearTimeout(timer);
    this.#retryTimer = null;
    this.#tellTimer = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** Tries at once: the server is known to be back. */
  retry = (): void => {
    if (this.#retryTimer === null) return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    this.#connect();
  };

  #connect(): void {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/jobs/${this.job}/events?after=${this.#after}`);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      // One that was closed may still have something to say.
      if (this.#socket === socket) this.#take(String(data));
    });
    socket.addEventListener("open", () => this.#caughtUp());
    socket.addEventListener("close", () => {
      if (this.#socket === socket) this.#lost();
    });
  }

  #take(text: string): void {
    const frame = JSON.parse(text) as EventFrame;
    this.#failures = 0;
    if (frame.type === "gap") {
      this.log.missing(frame.fromSeq, frame.nextSeq);
      this.#after = frame.nextSeq - 1;
    } else if (frame.type === "end") this.#become({ status: "ended" });
    else if (frame.event.seq > this.#after) {
      this.#after = frame.event.seq;
      this.#keep(frame.event, text.length);
    }
    if (frame.type !== "end") this.#caughtUp();
  }

  #keep(event: JobEvent, characters: number): void {
    this.log.take(event);
    if (event.kind !== "log") this.events.add(event, characters);
  }

  #caughtUp(): void {
    if (this.#after >= this.#known) this.#become({ status: "live" });
    else this.#become({ status: "catching-up", at: this.#after, of: this.#known });
  }

  #lost(): void {
    this.#socket = null;
    if (!this.#isOpen || this.#state.status === "ended") return;
    if (this.#state.status !== "lost") this.#become({ status: "lost", since: Date.now() });
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null;
      this.#connect();
    }, pause);
  }

  #become(state: StreamStatus): void {
    this.#state = state;
    this.#tellTimer ??= setTimeout(() => {
      this.#tellTimer = null;
      this.#version += 1;
      for (const listener of this.#listeners) listener();
    }, TOLD_AFTER_MS);
  }
}
