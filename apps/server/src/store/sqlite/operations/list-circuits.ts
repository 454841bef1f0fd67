import type { CircuitRow } from "../../rows.ts";
import type { CircuitTable } from "../circuits.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const LIST = `
  SELECT c.*, j.id AS jobId, c.open_until <= ${NOW} AS isDue FROM circuits c LEFT JOIN jobs j ON j.number = c.canary_job
  WHERE c.open_until IS NOT NULL ORDER BY c.backend, c.image`;

export function listCircuits(db: Database): CircuitRow[] {
  return db.all<CircuitTable & { jobId: string | null; isDue: 0 | 1 }>(LIST).map((row) => ({
    backend: row.backend,
    image: row.image,
    state: row.canary_job !== null ? "trying" : row.isDue ? "due" : "open",
    faults: row.faults,
    openedAt: row.opened_at ?? 0,
    openUntil: row.open_until ?? 0,
    canary:
      row.canary_job === null || row.canary_fence === null || row.jobId === null ? null : { jobId: row.jobId, number: row.canary_job, fence: row.canary_fence },
    code: row.code as CircuitRow["code"],
    message: row.message,
  }));
}
