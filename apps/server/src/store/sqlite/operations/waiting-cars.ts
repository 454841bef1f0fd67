import type { TrainCar } from "@slipway/protocol/train";
import type { Store } from "../../store.ts";
import { CAR_ORDER, CONFLICTS_WITH } from "../car-order.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

// Those that were let in by their place, then those that wait, in the order in which they will be.
const CARS = `
  SELECT c.target, j.number AS job, j.id AS jobId, s.title, c.id AS completion, c.state,
    CASE WHEN c.state = 'landing' OR c.lease_until > ${NOW} THEN c.place END AS place,
    (SELECT number FROM jobs v WHERE v.id = COALESCE(t.verify_job_id, c.verify_job_id)) AS verifyJob, t.job AS batch, c.bisects, c.created_at AS since,
    ${CONFLICTS_WITH} AS conflictsWith, c.passed
  FROM completions c INDEXED BY completions_open JOIN jobs j ON j.number = c.job JOIN job_specs s ON s.job = j.number
  LEFT JOIN completions t ON t.id = c.batch_of
  WHERE c.state IN ('pending', 'landing') AND c.repo_id = @repoId
  ORDER BY c.target, ${CAR_ORDER}`;

type Row = Omit<TrainCar, "conflictsWith"> & { readonly target: string; readonly conflictsWith: string };

export function waitingCars(db: Database, repoId: string): Awaited<ReturnType<Store["waitingCars"]>> {
  return db.all<Row>(CARS, { repoId }).map((row) => ({ ...row, conflictsWith: JSON.parse(row.conflictsWith) }));
}
