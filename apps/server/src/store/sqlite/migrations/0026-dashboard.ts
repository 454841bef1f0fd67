import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // JSON: {at, by, reason} of a worker that claims nothing until a person takes that back; it stays when the worker starts anew.
  `ALTER TABLE workers ADD COLUMN cordon TEXT`,
  // What ended since a moment, such as today, newest first.
  `CREATE INDEX jobs_ended ON jobs (ended_at, state, kind) WHERE ended_at IS NOT NULL`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
