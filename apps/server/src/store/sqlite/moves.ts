import type { ErrorCode } from "@slipway/protocol/errors";
import type { Failure, JobKind } from "@slipway/protocol/job";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { isFinal, type JobState, nextState } from "@slipway/protocol/states";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";
import { dueAt } from "./due-at.ts";
import { noteMove } from "./notices.ts";
import { addNumberedEvent } from "./numbered-events.ts";

/** One step of a job along the transition table. */
export interface Move {
  readonly number: number;
  /** Where it is known to be a task, nobody is looked for who waits for its verification. */
  readonly kind?: JobKind;
  /** The attempt that it belongs to; null where none does. */
  readonly fence: number | null;
  readonly from: JobState;
  /** A verb of the table. */
  readonly on: string;
  readonly reason: string;
  readonly code?: ErrorCode;
  readonly workerId?: string;
  readonly sandbox?: SandboxKind;
  readonly landedOid?: string;
  readonly branch?: string;
}

const LEAVE = `
  UPDATE jobs SET state = @to, lease_until = NULL, worker_id = NULL, updated_at = ${NOW},
    ended_at = CASE WHEN @final THEN ${NOW} END, due_at = ${dueAt()},
    failure = @failure, landed_oid = COALESCE(@landedOid, landed_oid)
  WHERE number = @number AND state = @from`;

/**
 * Moves a job that no attempt is writing to (all moves but claim and finish, which carry their own condition), with its event.
 * Answers false, and changes nothing, where the job is no longer in `from`.
 */
export function moveJob(db: Database, move: Move, failure: Failure | null): boolean {
  const to = target(move);
  const moved = db.run(LEAVE, {
    number: move.number,
    from: move.from,
    to,
    final: isFinal(to) ? 1 : 0,
    failure: failure === null ? null : JSON.stringify(failure),
    landedOid: move.landedOid ?? null,
    ...db.stateLimits,
  });
  if (moved === 0) return false;
  recordMove(db, move);
  return true;
}

/** Tells of a move that a conditional statement has just made in this transaction: its `state` event, and what it means for dependent jobs. */
export function recordMove(db: Database, move: Move): void {
  const to = target(move);
  const { from, on, reason, code, workerId, sandbox, landedOid, branch } = move;
  const place = { ...(workerId && { workerId }), ...(sandbox && { sandbox }) };
  const details = { ...(code && { code }), ...place, ...(landedOid && { landedOid }), ...(branch && { branch }) };
  addNumberedEvent(db, move.number, move.fence, { kind: "state", data: { from, to, on, reason, ...details } });
  tellVerifiedJob(db, move, to);
  noteMove(db, move, to);
  if (to === "done") db.run(MEET_DEPENDENCY, { number: move.number });
  else if (isFinal(to)) db.run(BREAK_DEPENDENCY, { number: move.number });
}

const VERIFIED_JOB = `
  SELECT t.number AS parent, ${NOW} - a.started_at AS elapsedMs
  FROM jobs v JOIN completions c ON c.id = v.completion_id JOIN jobs t ON t.number = c.job
  LEFT JOIN attempts a ON a.job = v.number AND a.fence = v.fence
  WHERE v.number = @number AND v.kind = 'verify' AND t.state = 'integrating'`;

/** A verify job's way is a phase of the job that waits for it. */
function tellVerifiedJob(db: Database, { number, kind, from, on }: Move, to: JobState): void {
  if (kind === "task") return;
  if (on !== "claim" && from !== "running") return;
  const verified = db.get<{ parent: number; elapsedMs: number | null }>(VERIFIED_JOB, { number });
  if (!verified) return;
  const status = on === "claim" ? "started" : to === "done" ? "ended" : "failed";
  const elapsed = status === "started" ? {} : { durationMs: Math.max(0, verified.elapsedMs ?? 0) };
  addNumberedEvent(db, verified.parent, null, { kind: "phase", data: { phase: "verify", status, detail: `job ${number}`, ...elapsed } });
}

/** Where a move leads. The table is the only source of steps: a verb that it does not have is a mistake in the store. */
function target(move: Move): JobState {
  const to = nextState(move.from, move.on);
  if (!to) throw new Error(`no transition from ${move.from} on ${move.on}`);
  return to;
}

// Claims read a counter and the reaper a mark, both in partial indexes, so that neither looks at dependencies again and again.
const MEET_DEPENDENCY = `
  UPDATE jobs SET unmet = unmet - 1,
    due_at = CASE WHEN state = 'queued' AND unmet = 1 THEN max(${NOW}, COALESCE(run_after, 0)) + queue_timeout_ms ELSE due_at END
  WHERE number IN (SELECT job FROM dependencies WHERE depends_on = @number)`;
const BREAK_DEPENDENCY = `
  UPDATE jobs SET broken_dependency = COALESCE(broken_dependency, @number)
  WHERE state = 'queued' AND number IN (SELECT job FROM dependencies WHERE depends_on = @number)`;
