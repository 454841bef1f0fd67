import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { DELIVERY_VIEW, type DeliveryViewRow, deliveryRow, requireDelivery } from "../delivery-row.ts";
import { readJobView } from "../job-view.ts";
import { moveJob } from "../moves.ts";
import { freeName } from "./intend-delivery.ts";
import { keepFound } from "./pull-requests.ts";

/** Steps of a delivery, each good for one round of it: what an older one still had under way changes nothing. */

const DUE = `${DELIVERY_VIEW} WHERE d.due_at IS NOT NULL AND d.due_at <= ${NOW} ORDER BY d.due_at LIMIT @limit`;
const NEXT = `
  SELECT min(due) - ${NOW} AS dueMs FROM (
    SELECT min(due_at) AS due FROM deliveries WHERE due_at IS NOT NULL UNION ALL SELECT min(look_at) FROM pull_requests WHERE look_at IS NOT NULL
  )`;

export function dueDeliveries(db: Database, limit: number): Awaited<ReturnType<Store["dueDeliveries"]>> {
  return db.all<DeliveryViewRow>(DUE, { limit }).map(deliveryRow);
}

export function nextDeliveryMs(db: Database): number | null {
  const dueMs = db.get<{ dueMs: number | null }>(NEXT)?.dueMs ?? null;
  return dueMs === null ? null : Math.max(0, dueMs);
}

export function getDelivery(db: Database, jobId: string): Awaited<ReturnType<Store["getDelivery"]>> {
  const row = db.get<DeliveryViewRow>(`${DELIVERY_VIEW} WHERE j.id = @jobId`, { jobId });
  return row && deliveryRow(row);
}

const POSTPONE = `UPDATE deliveries SET due_at = ${NOW} + @inMs, problem = @problem WHERE job = @job AND round = @round AND state IN ('pushing', 'opening', 'withdrawn')`;

export function postponeDelivery(db: Database, ...[jobId, round, inMs, problem]: Parameters<Store["postponeDelivery"]>): boolean {
  const { job } = requireDelivery(db, jobId);
  return db.run(POSTPONE, { job, round, inMs, problem: JSON.stringify(problem) }) === 1;
}

const RENAME = "UPDATE deliveries SET branch = @branch WHERE job = @job AND round = @round AND state = 'pushing' AND job = of_job";

export function renameDelivery(db: Database, ...[jobId, round, wanted]: Parameters<Store["renameDelivery"]>): string | null {
  const { job, repo_id: repoId } = requireDelivery(db, jobId);
  const branch = freeName(db, repoId, wanted);
  return db.run(RENAME, { job, round, branch }) === 1 ? branch : null;
}

const PUSHED = `
  UPDATE deliveries SET state = CASE WHEN mode = 'pr' THEN 'opening' ELSE 'pushing' END, pushed_oid = oid, problem = NULL
  WHERE job = @job AND round = @round AND state IN ('pushing', 'opening')`;

export function markPushed(db: Database, jobId: string, round: number): boolean {
  return db.run(PUSHED, { job: requireDelivery(db, jobId).job, round }) === 1;
}

const DELIVERED = `
  UPDATE deliveries SET state = 'delivered', due_at = NULL, problem = NULL
  WHERE job = @job AND round = @round AND pushed_oid = oid AND state IN ('pushing', 'opening')`;
const NAME_LANDED = "UPDATE completions SET landed_oid = @oid WHERE id = @completion AND state = 'landed'";

export function markDelivered(db: Database, ...[jobId, round, found]: Parameters<Store["markDelivered"]>): Awaited<ReturnType<Store["markDelivered"]>> {
  const delivery = requireDelivery(db, jobId);
  const { job, of_job: ofJob, branch, oid, completion } = delivery;
  if (db.run(DELIVERED, { job, round }) === 0) return null;
  if (found) keepFound(db, ofJob, found);
  db.run(NAME_LANDED, { completion, oid });
  const reason = found ? `its pull request is open: ${found.url}` : `its branch ${branch} is pushed`;
  const moved = moveJob(db, { number: job, fence: null, from: "integrating", on: "deliver", reason, branch }, null);
  if (!moved) throw new Error(`job ${job} was delivered, but was not integrating`);
  return readJobView(db, job);
}

const BLOCK = `
  UPDATE deliveries SET state = 'blocked', due_at = NULL, problem = @problem
  WHERE job = @job AND round = @round AND state IN ('pushing', 'opening')`;
const GIVE_BACK = "UPDATE completions SET state = 'rejected' WHERE id = @completion AND state = 'landed' AND landed_oid IS NULL";

export function blockDelivery(db: Database, ...[jobId, round, failure]: Parameters<Store["blockDelivery"]>): Awaited<ReturnType<Store["blockDelivery"]>> {
  const { job, completion } = requireDelivery(db, jobId);
  if (db.run(BLOCK, { job, round, problem: JSON.stringify(failure) }) === 0) return null;
  db.run(GIVE_BACK, { completion });
  const { code, message } = failure;
  const moved = moveJob(db, { number: job, fence: null, from: "integrating", on: "block", reason: message, code }, failure);
  if (!moved) throw new Error(`the delivery of job ${job} failed, but it was not integrating`);
  return readJobView(db, job);
}

const END_WITHDRAWN = "UPDATE deliveries SET due_at = NULL WHERE job = @job AND round = @round AND state = 'withdrawn'";

export function endWithdrawn(db: Database, ...[jobId, round, found]: Parameters<Store["endWithdrawn"]>): void {
  const { job, of_job: ofJob } = requireDelivery(db, jobId);
  if (db.run(END_WITHDRAWN, { job, round }) === 1 && found) keepFound(db, ofJob, found);
}
