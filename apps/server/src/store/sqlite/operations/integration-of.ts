import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { requireJob } from "../job-view.ts";

const OPEN = `
  SELECT c.fence AS claims, c.verify_job_id AS verifyJobId, c.state = 'landing' AS isLanding,
    CASE WHEN c.lease_until > ${NOW} THEN c.lease_until END AS leaseUntil,
    (SELECT j.number FROM completions o JOIN jobs j ON j.number = o.job
      WHERE o.state IN ('pending', 'landing') AND o.repo_id = c.repo_id AND o.target = c.target AND o.seq < c.seq ORDER BY o.seq LIMIT 1) AS behindJob
  FROM completions c WHERE c.job = @number AND c.state IN ('pending', 'landing') ORDER BY c.seq DESC LIMIT 1`;

interface Row {
  claims: number;
  verifyJobId: string | null;
  isLanding: number;
  leaseUntil: number | null;
  behindJob: number | null;
}

export function integrationOf(db: Database, jobId: string): Awaited<ReturnType<Store["integrationOf"]>> {
  const row = db.get<Row>(OPEN, { number: requireJob(db, jobId).number });
  return row ? { ...row, isLanding: row.isLanding === 1 } : null;
}
