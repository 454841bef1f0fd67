import type { TrainCar } from "@slipway/protocol/train";
import { CAR_ORDER, CONFLICTS_WITH } from "./car-order.ts";
import { NOW } from "./clock.ts";

/** A row of `CAR_COLUMNS`. */
export type CarRow = Omit<TrainCar, "conflictsWith"> & { readonly conflictsWith: string };

/** Columns of a change on its way, from `CARS_ON_THEIR_WAY`. */
export const CAR_COLUMNS = `
  j.number AS job, j.id AS jobId, s.title, c.id AS completion, c.state,
  CASE WHEN c.state = 'landing' OR c.lease_until > ${NOW} THEN c.place END AS place,
  (SELECT number FROM jobs v WHERE v.id = COALESCE(t.verify_job_id, c.verify_job_id)) AS verifyJob, t.job AS batch, c.bisects, c.created_at AS since,
  ${CONFLICTS_WITH} AS conflictsWith, c.passed`;

/** All changes on their way: completions `c` with their jobs `j`, the specs `s` of these, and what is tested for them, `t`. */
export const CARS_ON_THEIR_WAY = `
  completions c INDEXED BY completions_open JOIN jobs j ON j.number = c.job JOIN job_specs s ON s.job = j.number
  LEFT JOIN completions t ON t.id = c.batch_of`;

/** Those that were let in by their place, then those that wait, in the order in which they will be. */
export const CARS_IN_ORDER = `c.target, ${CAR_ORDER}`;

export function trainCar<Row extends CarRow>(row: Row): Omit<Row, "conflictsWith"> & TrainCar {
  return { ...row, conflictsWith: JSON.parse(row.conflictsWith) as number[] };
}
