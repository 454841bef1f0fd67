import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const BUSY = `
  SELECT DISTINCT repo_id AS id FROM jobs INDEXED BY jobs_leases WHERE state = 'running'
  UNION
  SELECT repo_id FROM completions INDEXED BY completions_open WHERE state IN ('pending', 'landing') AND (lease_until > ${NOW} OR state = 'landing')`;

export function busyRepositories(db: Database): string[] {
  return db.all<{ id: string }>(BUSY).map(({ id }) => id);
}
