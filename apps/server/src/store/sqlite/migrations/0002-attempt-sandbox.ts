import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // What an attempt ran in is what its change must be verified in. Of older attempts the worker's present kind is the best that is known.
  `ALTER TABLE attempts ADD COLUMN sandbox TEXT NOT NULL DEFAULT 'bwrap' CHECK (sandbox IN ('bwrap', 'none'))`,
  `UPDATE attempts SET sandbox = COALESCE((SELECT sandbox FROM workers WHERE workers.id = worker_id), 'bwrap')`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
