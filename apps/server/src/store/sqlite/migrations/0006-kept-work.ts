import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // The commit with what a failed attempt's agent had done; of attempts of before nothing was kept.
  `ALTER TABLE attempts ADD COLUMN kept_oid TEXT`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
