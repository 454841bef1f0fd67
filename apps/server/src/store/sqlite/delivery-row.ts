import { SlipwayError } from "@slipway/protocol/errors";
import type { DeliveryRow } from "../deliveries.ts";
import type { Database } from "./database.ts";

interface DeliveryTable {
  job: number;
  of_job: number;
  repo_id: string;
  mode: DeliveryRow["mode"];
  state: DeliveryRow["state"];
  completion: string;
  round: number;
  branch: string;
  oid: string;
  onto_oid: string;
  tried: string;
  pushed_oid: string | null;
  plan: string;
  since: number;
  due_at: number | null;
  problem: string | null;
}

export type DeliveryViewRow = DeliveryTable & { job_id: string; of_id: string; pr_number: number | null; pr_url: string | null; branch_tried: string };

/** Columns and joins of a `DeliveryViewRow`. */
export const DELIVERY_VIEW = `
  SELECT d.*, j.id AS job_id, o.id AS of_id, p.number AS pr_number, p.url AS pr_url,
    (SELECT json_group_array(value) FROM (
      SELECT DISTINCT t.value FROM deliveries s, json_each(s.tried) t WHERE s.of_job = d.of_job UNION SELECT s.oid FROM deliveries s WHERE s.of_job = d.of_job
    )) AS branch_tried
  FROM deliveries d JOIN jobs j ON j.number = d.job JOIN jobs o ON o.number = d.of_job LEFT JOIN pull_requests p ON p.job = d.of_job`;

export function deliveryRow(row: DeliveryViewRow): DeliveryRow {
  return {
    jobId: row.job_id,
    number: row.job,
    ofJobId: row.of_id,
    ofNumber: row.of_job,
    repoId: row.repo_id,
    mode: row.mode,
    state: row.state,
    round: row.round,
    branch: row.branch,
    oid: row.oid,
    tried: JSON.parse(row.branch_tried),
    plan: JSON.parse(row.plan),
    since: row.since,
    problem: row.problem === null ? null : JSON.parse(row.problem),
    pullRequest: row.pr_number === null || row.pr_url === null ? null : { number: row.pr_number, url: row.pr_url },
  };
}

/** The delivery of a job, or NOT_FOUND. */
export function requireDelivery(db: Database, jobId: string): DeliveryViewRow {
  const row = db.get<DeliveryViewRow>(`${DELIVERY_VIEW} WHERE j.id = @jobId`, { jobId });
  if (!row) throw new SlipwayError("NOT_FOUND", "The job has nothing outside of the hub.", { job: jobId });
  return row;
}
