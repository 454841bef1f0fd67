import type { ErrorCode } from "@slipway/protocol/errors";
import type { Notice, NotificationEvent } from "@slipway/protocol/notifications";
import { newId } from "@slipway/protocol/scalars";
import type { JobState } from "@slipway/protocol/states";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";
import { readJobView } from "./job-view.ts";
import type { Move } from "./moves.ts";

/** What moves have to tell to receivers elsewhere goes into the outbox with them, in one transaction: nothing is told that did not happen, and nothing is missed. */

const ADD = `
  INSERT INTO notifications (id, receiver, notice, created_at, due_at)
  VALUES (@id, @receiver, @notice, ${NOW}, (SELECT COALESCE(max(due_at), ${NOW}) FROM notifications WHERE receiver = @receiver AND due_at IS NOT NULL))`;

function eventOf({ landedOid }: Move, to: JobState): NotificationEvent | undefined {
  if (to === "blocked") return "needs-you";
  if (to === "done") return landedOid === undefined ? "done" : "landed";
  return to === "failed" || to === "cancelled" ? to : undefined;
}

/** Tells of a move that has just been made. */
export function noteMove(db: Database, move: Move, to: JobState): void {
  const event = eventOf(move, to);
  if (event === undefined || !db.receivers.some(({ events }) => events.includes(event))) return;
  const job = readJobView(db, move.number);
  if (job.kind !== "task") return;
  const { id, number, title, taskKind, backend, repo, target, landedOid, delivery, usage, createdAt, updatedAt } = job;
  add(db, {
    event,
    at: updatedAt,
    repository: repo.name,
    target,
    reason: job.failure?.message ?? move.reason,
    code: job.failure?.code ?? move.code ?? null,
    job: {
      ...{ id, number, title, kind: taskKind, backend, state: to, landedOid },
      branch: delivery?.branch ?? null,
      pullRequest: delivery?.pullRequest?.url ?? null,
      costUsd: usage.costUsd,
      tookMs: Math.max(0, updatedAt - createdAt),
    },
  });
}

/** Tells that nothing lands on a branch any more until a person acts. */
export function noteFrozen(db: Database, repoId: string, { target, code, reason }: { target: string; code: ErrorCode; reason: string }): void {
  if (db.receivers.length === 0) return;
  const row = db.get<{ name: string; at: number }>(`SELECT name, ${NOW} AS at FROM repositories WHERE id = @repoId`, { repoId });
  if (row) add(db, { event: "needs-you", at: row.at, repository: row.name, target, reason, code, job: null });
}

function add(db: Database, notice: Notice): void {
  for (const { name, events, repositories } of db.receivers) {
    if (!(events as readonly string[]).includes(notice.event)) continue;
    if (repositories && !(notice.repository !== null && repositories.includes(notice.repository))) continue;
    db.run(ADD, { id: newId(), receiver: name, notice: JSON.stringify(notice) });
  }
}
