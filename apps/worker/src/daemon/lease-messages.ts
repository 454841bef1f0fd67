/** What the main thread and the lease thread tell each other. The shared memory carries what must not wait for a busy event loop. */

/** After this many ms without a sign of life of the main thread, the lease thread stops renewing: a hung worker must not hold jobs for ever. */
export const MAIN_THREAD_HUNG_MS = 60_000;
/** How often the main thread gives its sign of life, in ms. */
export const HEARTBEAT_MS = 1_000;

export interface LeaseThreadData {
  readonly url: string;
  readonly token: string;
  readonly renewMs: number;
  readonly hungMs: number;
  /** What the main thread trusts, as PEM; a thread has a list of its own. Missing where the server is not asked over TLS. */
  readonly authorities?: readonly string[];
  /** One BigInt64: the main thread's last sign of life, in ms of the monotonic clock. */
  readonly heartbeat: SharedArrayBuffer;
}

export type ToLeaseThread =
  | {
      readonly type: "hold";
      readonly id: number;
      /** Path of the renewal on the server; null for a sandbox of the worker's own, such as a warm one: only its lease file is kept. */
      readonly path: string | null;
      readonly ttlMs: number;
      /** On the monotonic clock, in ms. */
      readonly deadlineMs: number;
      /** Lease files to keep. */
      readonly files: readonly string[];
      /** One Int32: 1 as soon as the main thread has given the lease up. Read before every renewal. */
      readonly givenUp: SharedArrayBuffer;
    }
  /** Answered with `written`, with the same number. */
  | { readonly type: "files"; readonly id: number; readonly number: number; readonly files: readonly string[] }
  | { readonly type: "release"; readonly id: number }
  | { readonly type: "close" };

export type FromLeaseThread =
  | { readonly type: "lost"; readonly id: number; readonly reason: "refused" | "deadline" | "hung"; readonly message: string }
  | { readonly type: "trouble"; readonly id: number; readonly message: string }
  | { readonly type: "written"; readonly id: number; readonly number: number }
  | { readonly type: "renewed"; readonly id: number; readonly deadlineMs: number };
