import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // How a repository is kept together with its own address, and how the last try went; JSON, as no statement looks into it.
  `ALTER TABLE repositories ADD COLUMN upstream TEXT NOT NULL DEFAULT '{}'`,
  `ALTER TABLE repositories ADD COLUMN upstream_sync TEXT NOT NULL DEFAULT '{}'`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
