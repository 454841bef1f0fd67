import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // A third kind. A column's own check goes only with the column.
  `ALTER TABLE attempts ADD COLUMN sandbox_kind TEXT NOT NULL DEFAULT 'bwrap' CHECK (sandbox_kind IN ('bwrap', 'docker', 'none'))`,
  `UPDATE attempts SET sandbox_kind = sandbox`,
  `ALTER TABLE attempts DROP COLUMN sandbox`,
  `ALTER TABLE attempts RENAME COLUMN sandbox_kind TO sandbox`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
