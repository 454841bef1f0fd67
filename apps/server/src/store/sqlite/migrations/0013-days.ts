import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // The least that was refused on a day as no room for it was left, of jobs of this backend and model setting: until then claims leave such jobs. An empty
  // repository: by the budget of the installation. Rows of other days go with the next one.
  `CREATE TABLE day_refusals (
    day TEXT NOT NULL, repo_id TEXT NOT NULL, backend TEXT NOT NULL, model TEXT NOT NULL, unit TEXT NOT NULL CHECK (unit IN ('tokens', 'usd')), wanted REAL NOT NULL,
    PRIMARY KEY (day, repo_id, backend, model, unit)
  ) STRICT, WITHOUT ROWID`,

  // JSON: {tokens, usd}, what its jobs together may spend in a day; and what they took, as spending_days has it of all.
  `ALTER TABLE repositories ADD COLUMN day_budget TEXT NOT NULL DEFAULT '{}'`,
  `CREATE TABLE repository_spending_days (
    day TEXT NOT NULL, repo_id TEXT NOT NULL, calls INTEGER NOT NULL DEFAULT 0, tokens INTEGER NOT NULL DEFAULT 0, usd REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (day, repo_id)
  ) STRICT, WITHOUT ROWID`,
  `INSERT INTO repository_spending_days (day, repo_id, calls, tokens, usd)
    SELECT date(c.settled_at / 1000, 'unixepoch'), j.repo_id, count(*), sum(c.input_tokens + c.output_tokens), total(c.cost_usd)
    FROM model_calls c JOIN jobs j ON j.number = c.job JOIN job_specs s ON s.job = c.job
    WHERE c.state = 'settled' AND c.outcome <> 'unused' AND s.cassette ->> '$.replay' IS NULL GROUP BY 1, 2`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
