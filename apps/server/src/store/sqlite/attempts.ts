import type { Failure } from "@slipway/protocol/job";
import { judgeBackend } from "./circuits.ts";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";
import { addNumberedEvent } from "./numbered-events.ts";

export interface AttemptEnd {
  readonly outcome: "change" | "answer" | "verified" | "failed" | "expired" | "cancelled";
  readonly failure: Failure | null;
  /** What the worker reported, as JSON; a repeated report is known by it. */
  readonly reported: string | null;
  /** What was kept of its agent's work. */
  readonly keptOid?: string | undefined;
}

const END = `
  UPDATE attempts SET outcome = @outcome, failure = @failure, reported = @reported, kept_oid = @keptOid, ended_at = ${NOW}
  WHERE job = @job AND fence = @fence AND outcome = 'running'
  RETURNING dropped_events, dropped_bytes`;

/**
 * Closes the attempt's own record. Called after the job's conditional statement and before its `state` event, so that the gap event, which
 * sums up what the log limit dropped, is the attempt's last word.
 */
export function endAttempt(db: Database, job: number, fence: number, end: AttemptEnd): void {
  const failure = end.failure === null ? null : JSON.stringify(end.failure);
  const ended = db.get<{ dropped_events: number; dropped_bytes: number }>(END, {
    job,
    fence,
    outcome: end.outcome,
    failure,
    reported: end.reported,
    keptOid: end.keptOid ?? null,
  });
  if (ended) judgeBackend(db, job, fence, end);
  if (!ended || ended.dropped_events === 0) return;
  addNumberedEvent(db, job, fence, {
    kind: "gap",
    data: { reason: "job-log-limit", droppedEvents: ended.dropped_events, droppedBytes: ended.dropped_bytes },
  });
}
