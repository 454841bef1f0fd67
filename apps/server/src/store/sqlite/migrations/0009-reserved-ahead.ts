import { type Kysely, sql } from "kysely";

// An open row that no call is known to have begun on. When its time is over it is settled with the outcome `unused`, or gone.
const STATEMENTS = ["ALTER TABLE model_calls ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0 CHECK (ahead IN (0, 1))"];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
