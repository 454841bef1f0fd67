import type { Failure } from "@slipway/protocol/failure";
import type { Notice } from "@slipway/protocol/notifications";
import type { NotificationCounts, NotificationRow } from "../../notifications.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

/** What ended is kept this long, for people who ask what did not arrive: a week, in ms. */
const KEPT_MS = 604_800_000;

const DUE = `
  SELECT seq, id, receiver, notice, ${NOW} - created_at AS ageMs, tries FROM notifications
  WHERE seq IN (SELECT min(seq) FROM notifications WHERE due_at <= ${NOW} GROUP BY receiver) ORDER BY seq`;

export function dueNotifications(db: Database): NotificationRow[] {
  return db.all<NotificationRow & { notice: string }>(DUE).map((row) => ({ ...row, notice: JSON.parse(row.notice) as Notice }));
}

export function nextNotificationMs(db: Database): number | null {
  const dueMs = db.get<{ dueMs: number | null }>(`SELECT min(due_at) - ${NOW} AS dueMs FROM notifications WHERE due_at IS NOT NULL`)?.dueMs ?? null;
  return dueMs === null ? null : Math.max(0, dueMs);
}

const ARRIVED = `
  UPDATE notifications SET due_at = NULL, problem = NULL, tries = tries + 1, arrived = 1, ended_at = ${NOW} WHERE seq = @seq AND due_at IS NOT NULL
  RETURNING receiver`;
const DUE_NOW = `UPDATE notifications SET due_at = ${NOW} WHERE receiver = @receiver AND due_at > ${NOW}`;

export function markArrived(db: Database, seq: number): void {
  const row = db.get<{ receiver: string }>(ARRIVED, { seq });
  if (row) db.run(DUE_NOW, { receiver: row.receiver });
}

export function hurryNotifications(db: Database, receiver: string): void {
  db.run(DUE_NOW, { receiver });
}

const FAILED = "UPDATE notifications SET tries = tries + 1, problem = @problem WHERE seq = @seq AND due_at IS NOT NULL RETURNING receiver";
const POSTPONE = `UPDATE notifications SET due_at = max(due_at, ${NOW} + @inMs) WHERE receiver = @receiver AND due_at IS NOT NULL`;

export function postponeNotification(db: Database, seq: number, inMs: number, problem: Failure): void {
  const row = db.get<{ receiver: string }>(FAILED, { seq, problem: JSON.stringify(problem) });
  if (row) db.run(POSTPONE, { receiver: row.receiver, inMs });
}

const GIVE_UP = `UPDATE notifications SET due_at = NULL, ended_at = ${NOW}, tries = tries + 1, problem = @problem WHERE seq = @seq AND due_at IS NOT NULL`;

export function giveUpNotification(db: Database, seq: number, problem: Failure): void {
  db.run(GIVE_UP, { seq, problem: JSON.stringify(problem) });
}

const GIVE_UP_UNKNOWN = `
  UPDATE notifications SET due_at = NULL, ended_at = ${NOW}
  WHERE due_at IS NOT NULL AND receiver NOT IN (SELECT value FROM json_each(@receivers))`;
const REMOVE = `DELETE FROM notifications WHERE ended_at < ${NOW} - ${KEPT_MS}`;

export function settleNotifications(db: Database): number {
  db.run(REMOVE);
  return db.run(GIVE_UP_UNKNOWN, { receivers: JSON.stringify(db.receivers.map(({ name }) => name)) });
}

// They are sent in their order: what failed behind the newest that arrived is how it stands now.
const COUNTS = `
  SELECT receiver, sum(due_at IS NOT NULL) AS waiting, min(CASE WHEN due_at IS NOT NULL THEN created_at END) AS waitingSince,
    max(CASE WHEN arrived THEN ended_at END) AS sentAt, sum(ended_at IS NOT NULL AND NOT arrived) AS givenUp,
    (SELECT f.problem FROM notifications AS f
      WHERE f.receiver = n.receiver AND f.problem IS NOT NULL
        AND f.seq > COALESCE((SELECT max(a.seq) FROM notifications AS a WHERE a.receiver = n.receiver AND a.arrived), 0)
      ORDER BY f.seq DESC LIMIT 1) AS problem
  FROM notifications AS n GROUP BY receiver ORDER BY receiver`;

export function notificationCounts(db: Database): NotificationCounts[] {
  return db
    .all<NotificationCounts & { problem: string | null }>(COUNTS)
    .map((row) => ({ ...row, problem: row.problem === null ? null : (JSON.parse(row.problem) as Failure) }));
}
