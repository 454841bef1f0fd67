const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** How long a job may be in a state, in ms, before the reaper ends that. How long it may wait for a worker is its own `queueTimeoutMs`. */
export interface StateLimits {
  /** What an attempt may take beyond its `timeoutMs`: its worker ends it in time, and then still commits and pushes. */
  readonly overtimeMs: number;
  /** From the attempt's commit to its landing, all of it. */
  readonly integratingMs: number;
  /** What a blocked job waits for a person. */
  readonly blockedMs: number;
}

export const STATE_LIMITS: StateLimits = { overtimeMs: 15 * MINUTE_MS, integratingMs: 7 * DAY_MS, blockedMs: 30 * DAY_MS };

/**
 * After a start, a clock jump or a resume nobody could act for a while: each wait then has at least this long left, in ms, or its full time where that is
 * shorter.
 */
export const WAIT_GRACE_MS = 60 * MINUTE_MS;

/** What a verify job waits for a worker, in ms; a task names its own. */
export const VERIFY_QUEUE_TIMEOUT_MS = DAY_MS;
