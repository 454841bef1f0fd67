import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // Events up to this one are no longer kept; at a final job's last event nothing but its rows is left.
  `ALTER TABLE jobs ADD COLUMN dropped_seq INTEGER NOT NULL DEFAULT 0`,
  // With all that pruning asks of a job, so that the rows themselves are not read.
  `CREATE INDEX jobs_undropped ON jobs (ended_at, number, repo_id, kind, base_oid) WHERE ended_at IS NOT NULL AND dropped_seq < last_seq`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
