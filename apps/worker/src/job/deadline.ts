/**
 * The one ledger of an attempt's time, all in ms. Every step asks it for its share. What gates and commit need is set aside from the start, and no
 * share of setup or of a turn ever reaches into it: a turn that ends in its time is always followed by gates and a commit.
 */
export interface Deadline {
  /** What is left of the attempt; never negative. */
  remainingMs(): number;
  /** Share of bringing the repository here; leaves time for a turn, and for the gates the most that they can have. Needs no gates to be known. */
  prepareMs(): number;
  /** Share of the setup, at most `wantedMs`; leaves something for a turn. */
  setupMs(wantedMs: number): number;
  /** Share of the next turn; 0 where there is none left. */
  turnMs(): number;
  /** Whether a further turn would have time for anything useful. */
  hasTimeForTurn(): boolean;
  /** Share of the gate with this index; every later gate keeps its part of the reserve. */
  gateMs(index: number): number;
  /** Share of a critic, at most `wantedMs`; leaves the reserve of commit and push, and is 0 where nothing else is left. */
  criticMs(wantedMs: number): number;
  /** Share of commit and push; never less than their reserve, however late it is. */
  commitMs(): number;
  /** Share of keeping the work of an attempt that failed: the reserve of commit and push, or as much as is left anyway, up to the most that it can be. */
  keepMs(): number;
}

export interface DeadlinePlan {
  /** For the attempt, all of it. */
  readonly timeoutMs: number;
  readonly gateTimeoutsMs: readonly number[];
}

/** Parts of the attempt's time that are set aside; together they never take more than half of it. */
const COMMIT_SHARE = 0.1;
const COMMIT_RESERVE_LIMIT_MS = 60_000;
const GATES_SHARE = 0.3;
const FIRST_TURN_SHARE = 0.1;
/** A further turn with less than this is not worth starting. */
const USEFUL_TURN_SHARE = 0.05;
const USEFUL_TURN_LIMIT_MS = 10_000;

/** Opens the ledger of an attempt that started at `startedAtMs` on the clock `now`. */
export function openDeadline(plan: DeadlinePlan, startedAtMs: number, now: () => number): Deadline {
  const gateTimeMs = plan.gateTimeoutsMs.reduce((sum, ms) => sum + ms, 0);
  const commitReserveMs = Math.min(plan.timeoutMs * COMMIT_SHARE, COMMIT_RESERVE_LIMIT_MS);
  const gatesReserveMs = Math.min(plan.timeoutMs * GATES_SHARE, gateTimeMs);

  // A clock behind the start means that the machine was started anew: nothing of this attempt's time is known to be used up.
  const remainingMs = (): number => Math.max(0, plan.timeoutMs - Math.max(0, now() - startedAtMs));
  const turnMs = (): number => Math.max(0, Math.floor(remainingMs() - gatesReserveMs - commitReserveMs));
  return {
    remainingMs,
    prepareMs: () => atLeastOne(remainingMs() - plan.timeoutMs * (COMMIT_SHARE + GATES_SHARE + FIRST_TURN_SHARE)),
    turnMs,
    hasTimeForTurn: () => turnMs() >= Math.min(plan.timeoutMs * USEFUL_TURN_SHARE, USEFUL_TURN_LIMIT_MS),
    setupMs: (wantedMs) => atLeastOne(Math.min(wantedMs, turnMs() - plan.timeoutMs * FIRST_TURN_SHARE)),
    gateMs: (index) => {
      const laterMs = plan.gateTimeoutsMs.slice(index + 1).reduce((sum, ms) => sum + ms, 0);
      const keptForLaterMs = gateTimeMs === 0 ? 0 : gatesReserveMs * (laterMs / gateTimeMs);
      return atLeastOne(Math.min(plan.gateTimeoutsMs[index] ?? 0, remainingMs() - commitReserveMs - keptForLaterMs));
    },
    criticMs: (wantedMs) => Math.max(0, Math.floor(Math.min(wantedMs, remainingMs() - commitReserveMs))),
    commitMs: () => atLeastOne(Math.max(commitReserveMs, remainingMs())),
    keepMs: () => atLeastOne(Math.max(commitReserveMs, Math.min(remainingMs(), COMMIT_RESERVE_LIMIT_MS))),
  };
}

/** The machine's monotonic clock, in ms: the same for every process until the machine is started anew, so that a restarted worker can go on counting. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

function atLeastOne(ms: number): number {
  return Math.max(1, Math.floor(ms));
}
