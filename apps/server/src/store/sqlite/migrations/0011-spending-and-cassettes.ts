import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // JSON: {record, replay: {jobId, number, fence}}; a job of before has neither.
  `ALTER TABLE job_specs ADD COLUMN cassette TEXT NOT NULL DEFAULT '{}'`,

  // What all jobs together took on a day of UTC, by when their calls were settled. A row a day stays; the calls themselves go with their jobs.
  `CREATE TABLE spending_days (
    day TEXT PRIMARY KEY, calls INTEGER NOT NULL DEFAULT 0, tokens INTEGER NOT NULL DEFAULT 0, usd REAL NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID`,
  `INSERT INTO spending_days (day, calls, tokens, usd)
    SELECT date(settled_at / 1000, 'unixepoch'), count(*), sum(input_tokens + output_tokens), total(cost_usd)
    FROM model_calls WHERE state = 'settled' AND outcome <> 'unused' GROUP BY 1`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
