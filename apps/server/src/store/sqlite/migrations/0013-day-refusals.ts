import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // The least that was refused on a day as no room for it was left, of jobs of this backend and model setting: until then claims leave such jobs. An empty
  // repository: by the budget of the installation. Rows of other days go with the next one.
  `CREATE TABLE day_refusals (
    day TEXT NOT NULL, repo_id TEXT NOT NULL, backend TEXT NOT NULL, model TEXT NOT NULL, unit TEXT NOT NULL CHECK (unit IN ('tokens', 'usd')), wanted REAL NOT NULL,
    PRIMARY KEY (day, repo_id, backend, model, unit)
  ) STRICT, WITHOUT ROWID`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
