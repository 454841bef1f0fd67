/** The life of a job as data. The diagram in `docs/job-states.md` is generated from this table, and a test holds the two equal. */

/** Where a job can be, in the order of its way. */
export const JOB_STATES = ["queued", "running", "integrating", "blocked", "done", "failed", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** States that a job never leaves. */
export const FINAL_STATES = ["done", "failed", "cancelled"] as const satisfies readonly JobState[];

/** Who may move a job along a transition. */
export type Mover = "user" | "worker" | "reaper" | "integrator" | "server";

/** One step of a job. */
export interface Transition {
  readonly from: JobState;
  readonly to: JobState;
  /** The verb, unique together with `from`. */
  readonly on: string;
  readonly by: Mover;
  /** When it happens, in a phrase for the docs. */
  readonly when: string;
}

/** All steps that there are. The store makes each of them, and no other. */
export const TRANSITIONS = [
  { from: "queued", on: "claim", to: "running", by: "worker", when: "a worker takes the lease" },
  {
    from: "queued",
    on: "accept",
    to: "integrating",
    by: "user",
    when: "`slipway accept`, which makes it of a failed job's kept work; `--on-diverged merge`, which makes it of others' commits",
  },
  { from: "queued", on: "cancel", to: "cancelled", by: "user", when: "`slipway cancel`" },
  { from: "queued", on: "fail", to: "failed", by: "reaper", when: "a job it depends on did not end well" },
  { from: "queued", on: "time-out", to: "failed", by: "reaper", when: "no worker took it in its queue time" },
  { from: "running", on: "finish-change", to: "integrating", by: "worker", when: "a job-scoped commit is on the hub" },
  { from: "running", on: "finish-answer", to: "done", by: "worker", when: "a read-only job has its answer" },
  { from: "running", on: "finish-kept", to: "done", by: "worker", when: "a commit of a job that lands nothing (`--landing none`) is on the hub" },
  { from: "running", on: "finish-verified", to: "done", by: "worker", when: "a verify job has its receipts" },
  { from: "running", on: "requeue", to: "queued", by: "worker", when: "the attempt failed with a code that is tried again" },
  { from: "running", on: "failover", to: "queued", by: "worker", when: "the backend cannot go on, and the job has a fallback" },
  { from: "running", on: "fail", to: "failed", by: "worker", when: "the attempt failed for good, or it was the last one" },
  { from: "running", on: "block", to: "blocked", by: "worker", when: "a person has to act" },
  { from: "running", on: "expire", to: "queued", by: "reaper", when: "the lease or the attempt's time ran out, and attempts are left" },
  { from: "running", on: "exhaust", to: "failed", by: "reaper", when: "the lease or the time of the last attempt ran out" },
  { from: "running", on: "cancel", to: "cancelled", by: "user", when: "`slipway cancel`" },
  { from: "integrating", on: "land", to: "done", by: "integrator", when: "the verified tree reached its target" },
  { from: "integrating", on: "deliver", to: "done", by: "server", when: "its branch is pushed and, for `pr`, its pull request is open" },
  { from: "integrating", on: "block", to: "blocked", by: "server", when: "the git host refuses its branch or pull request, and a person has to act" },
  {
    from: "integrating",
    on: "revise",
    to: "queued",
    by: "integrator",
    when: "a conflict, or a gate that the merge has turned red, and the agent may revise its change",
  },
  { from: "integrating", on: "reject", to: "failed", by: "integrator", when: "a conflict, or a gate that is red on the merged tree, and no revision is left" },
  { from: "integrating", on: "time-out", to: "failed", by: "reaper", when: "nobody integrated it for too long" },
  { from: "integrating", on: "cancel", to: "cancelled", by: "user", when: "`slipway cancel`, before the landing's intent is written" },
  { from: "blocked", on: "retry", to: "queued", by: "user", when: "`slipway retry`" },
  { from: "blocked", on: "deliver-again", to: "integrating", by: "user", when: "`slipway retry` of a job whose commit is there" },
  { from: "blocked", on: "time-out", to: "failed", by: "reaper", when: "nobody acted on it for too long" },
  { from: "blocked", on: "cancel", to: "cancelled", by: "user", when: "`slipway cancel`" },
] as const satisfies readonly Transition[];

/** True where nothing can happen to the job any more. */
export function isFinal(state: JobState): boolean {
  return (FINAL_STATES as readonly JobState[]).includes(state);
}

/** The states from which `on` leads somewhere, for the WHERE clause of a conditional statement. */
export function sourcesOf(on: (typeof TRANSITIONS)[number]["on"]): JobState[] {
  return TRANSITIONS.filter((transition) => transition.on === on).map((transition) => transition.from);
}

/** Where `on` leads from `from`, or undefined where the table has no such step. */
export function nextState(from: JobState, on: string): JobState | undefined {
  return TRANSITIONS.find((transition) => transition.from === from && transition.on === on)?.to;
}
