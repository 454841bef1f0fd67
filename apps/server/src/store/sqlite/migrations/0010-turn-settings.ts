import { type Kysely, sql } from "kysely";

// JSON with `permissions` and `mcpServers`; a job of before has the defaults.
const STATEMENTS = [`ALTER TABLE job_specs ADD COLUMN turn_settings TEXT NOT NULL DEFAULT '{}'`];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
