import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";

/** Of one target so many are looked at, those that will land first. */
const LIMIT = 20;

// Those that wait to land, then those at work of which something is on the hub already.
const ON_WAY = `
  SELECT jobId, number, title, completionId, oid FROM (
    SELECT j.id AS jobId, j.number, s.title, c.id AS completionId, c.oid, 0 AS stage, c.seq AS place
    FROM completions c INDEXED BY completions_open JOIN jobs j ON j.number = c.job JOIN job_specs s ON s.job = j.number
    WHERE c.state IN ('pending', 'landing') AND c.repo_id = @repoId AND c.target = @target
    UNION ALL
    SELECT j.id, j.number, s.title, NULL,
      (SELECT kept_oid FROM attempts a WHERE a.job = j.number AND kept_oid IS NOT NULL ORDER BY fence DESC LIMIT 1), 1, j.number
    FROM jobs j INDEXED BY jobs_running JOIN job_specs s ON s.job = j.number
    WHERE j.state = 'running' AND j.kind = 'task' AND j.repo_id = @repoId AND j.target = @target
  )
  WHERE oid IS NOT NULL ORDER BY stage, place LIMIT ${LIMIT}`;

export function changesOnWay(db: Database, repoId: string, target: string): Awaited<ReturnType<Store["changesOnWay"]>> {
  return db.all(ON_WAY, { repoId, target });
}
