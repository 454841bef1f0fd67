import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { getCACertificates } from "node:tls";
import { Worker } from "node:worker_threads";
import { fillPath } from "@slipway/protocol/endpoint";
import { ENDPOINTS } from "@slipway/protocol/endpoints";
import { SlipwayError } from "@slipway/protocol/errors";
import { LEASE_RENEW_MS, LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import type { Logger } from "pino";
import { leaseFileIn, monotonicNowMs } from "../sandbox/lease-file.ts";
import { type FromLeaseThread, HEARTBEAT_MS, type LeaseThreadData, MAIN_THREAD_HUNG_MS, type ToLeaseThread } from "./lease-messages.ts";

/** Heap of the lease thread, in MiB: it keeps a few numbers a lease. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 };

export interface LeasesOptions {
  readonly url: string;
  readonly token: string;
  readonly log: Logger;
  readonly renewMs?: number;
  readonly hungMs?: number;
  /** The thread ended by itself: the worker can hold no lease any more. */
  readonly onDeath?: (error: unknown) => void;
}

/** A lease that the thread renews until it is released or lost. */
export interface LeaseHold {
  /** Keeps the lease file in the control folder of a sandbox: there, with a current deadline, when this resolves. */
  addControl(control: string): Promise<void>;
  /** No longer keeps it; nothing writes it any more when this resolves. */
  removeControl(control: string): Promise<void>;
  /** Gives the lease up: no renewal is sent from here on. Releasing twice is no error. */
  release(): void;
}

interface Held {
  readonly onLost: (error: SlipwayError) => void;
  readonly label: Record<string, unknown>;
  deadlineMs: number;
}

/**
 * The leases of this worker, renewed by a thread of their own (`lease-thread.ts`). The bounds: a lease is given up when the server refuses a renewal,
 * when its deadline passes (time-to-live counted from when the last good renewal was sent), and when the main thread has not moved for a minute
 * (MAIN_THREAD_HUNG_MS), so that a hung worker holds a job for at most that and one time-to-live.
 */
export class Leases {
  readonly #thread: Worker;
  readonly #log: Logger;
  readonly #held = new Map<number, Held>();
  readonly #writing = new Map<number, () => void>();
  readonly #heartbeat: NodeJS.Timeout;
  readonly #exited: Promise<void>;
  readonly #onDeath: ((error: unknown) => void) | undefined;
  #nextId = 1;
  #closing = false;

  constructor(options: LeasesOptions) {
    this.#log = options.log;
    const heartbeat = new SharedArrayBuffer(8);
    const beats = new BigInt64Array(heartbeat);
    const beat = (): void => void Atomics.store(beats, 0, BigInt(Math.round(monotonicNowMs())));
    beat();
    this.#heartbeat = setInterval(beat, HEARTBEAT_MS).unref();
    const data: LeaseThreadData = {
      url: options.url,
      token: options.token,
      renewMs: options.renewMs ?? LEASE_RENEW_MS,
      hungMs: options.hungMs ?? MAIN_THREAD_HUNG_MS,
      heartbeat,
      ...(options.url.startsWith("https:") ? { authorities: getCACertificates("default") } : {}),
    };
    const file = import.meta.url.endsWith(".ts") ? "./lease-thread.ts" : "./lease-thread.js";
    // A thread that compiles for itself keeps Node's TypeScript stripper in memory, some 20 MB.
    const cache = getCompileCacheDir();
    const env = cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) };
    this.#thread = new Worker(new URL(file, import.meta.url), { workerData: data, resourceLimits: THREAD_LIMITS, env, execArgv: [] });
    this.#exited = new Promise((resolve) => this.#thread.once("exit", () => resolve()));
    this.#thread.on("message", (message: FromLeaseThread) => this.#hear(message));
    this.#thread.on("error", (error) => this.#threadDied(error));
    this.#thread.on("exit", (code) => this.#threadDied(new Error(`the lease thread ended with code ${code}`)));
    this.#onDeath = options.onDeath;
  }

  /** Holds the lease of an attempt. `onLost` is called at most once, with LEASE_LOST. */
  hold(attempt: { readonly jobId: string; readonly fence: number; readonly ttlMs: number }, onLost: (error: SlipwayError) => void): LeaseHold {
    const path = fillPath(ENDPOINTS.renew.path, { job: attempt.jobId, fence: attempt.fence });
    return this.#hold(path, attempt.ttlMs, { jobId: attempt.jobId, fence: attempt.fence }, onLost);
  }

  /** Keeps the lease files of sandboxes that belong to no job yet: they end with this worker. */
  holdOwn(onLost: (error: SlipwayError) => void): LeaseHold {
    return this.#hold(null, LEASE_TTL_MS, { warm: true }, onLost);
  }

  /** Ends the thread. Leases that are still held are given up. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#heartbeat);
    this.#send({ type: "close" });
    // Graceful first, so that a renewal on the way is not cut; a thread that cannot even do that is ended.
    const limit = setTimeout(() => void this.#thread.terminate(), 1_000);
    await this.#exited;
    clearTimeout(limit);
  }

  #hold(path: string | null, ttlMs: number, label: Record<string, unknown>, onLost: (error: SlipwayError) => void): LeaseHold {
    const id = this.#nextId++;
    const givenUp = new SharedArrayBuffer(4);
    const controls = new Set<string>();
    const held: Held = { onLost, label, deadlineMs: monotonicNowMs() + ttlMs };
    this.#held.set(id, held);
    this.#send({ type: "hold", id, path, ttlMs, deadlineMs: held.deadlineMs, files: [], givenUp });
    return {
      addControl: (control) => this.#keepFiles(id, controls.add(control)),
      removeControl: (control) => {
        controls.delete(control);
        return this.#keepFiles(id, controls);
      },
      release: () => {
        Atomics.store(new Int32Array(givenUp), 0, 1);
        this.#held.delete(id);
        this.#send({ type: "release", id });
      },
    };
  }

  /** The thread alone writes lease files, so that two writers never meet. */
  async #keepFiles(id: number, controls: ReadonlySet<string>): Promise<void> {
    if (this.#closing) return;
    const number = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#writing.set(number, resolve);
    this.#send({ type: "files", id, number, files: [...controls].map(leaseFileIn) });
    await promise;
  }

  #hear(message: FromLeaseThread): void {
    if (message.type === "written") {
      this.#writing.get(message.number)?.();
      this.#writing.delete(message.number);
      return;
    }
    const held = this.#held.get(message.id);
    if (!held) return;
    if (message.type === "renewed") {
      held.deadlineMs = message.deadlineMs;
    } else if (message.type === "trouble") {
      this.#log.warn({ ...held.label, reason: message.message }, "a lease could not be renewed; trying again until its deadline");
    } else {
      this.#held.delete(message.id);
      held.onLost(new SlipwayError("LEASE_LOST", `The lease is over: ${message.message}`, { reason: message.reason }));
    }
  }

  /** Nobody renews any more: everything held is lost. */
  #threadDied(error: unknown): void {
    for (const resolve of this.#writing.values()) resolve();
    if (this.#closing) return;
    this.#closing = true;
    this.#log.fatal({ err: error }, "the lease thread ended");
    for (const held of this.#held.values())
      held.onLost(new SlipwayError("LEASE_LOST", "The lease is over: the thread that renews it ended.", {}, { cause: error }));
    this.#held.clear();
    this.#onDeath?.(error);
  }

  #send(message: ToLeaseThread): void {
    this.#thread.postMessage(message);
  }
}
