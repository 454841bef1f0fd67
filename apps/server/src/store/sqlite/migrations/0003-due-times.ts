import { type Kysely, sql } from "kysely";

/** Now, as `clock.ts` spells it; written out, because a migration does not change with the code. */
const NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

const STATEMENTS = [
  `ALTER TABLE jobs ADD COLUMN queue_timeout_ms INTEGER NOT NULL DEFAULT 86400000`,
  // When the job's present state ends at the latest; null where it waits for other jobs, or is final.
  `ALTER TABLE jobs ADD COLUMN due_at INTEGER`,
  // Jobs of before get their full time from now on.
  `UPDATE jobs SET due_at = CASE state
    WHEN 'queued' THEN CASE WHEN unmet = 0 THEN max(${NOW}, COALESCE(run_after, 0)) + 86400000 END
    WHEN 'running' THEN ${NOW} + timeout_ms + 900000
    WHEN 'integrating' THEN ${NOW} + 604800000
    WHEN 'blocked' THEN ${NOW} + 2592000000
  END`,
  `CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL`,
  // The newest phase of a job, found without reading its log.
  `CREATE INDEX events_phases ON events (job, seq) WHERE kind = 'phase'`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
