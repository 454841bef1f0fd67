import { type Kysely, sql } from "kysely";

// JSON: why the job's newest change went back to its agent, and the conflicts that are foreseen for it; null where there is nothing of the kind.
const STATEMENTS = [`ALTER TABLE job_specs ADD COLUMN revision TEXT`, `ALTER TABLE job_specs ADD COLUMN predicted TEXT`];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
