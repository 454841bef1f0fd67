import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  `ALTER TABLE job_specs ADD COLUMN budget TEXT NOT NULL DEFAULT '{}'`,

  // What the gateway asks by, and what it counted; the sums stay when the calls themselves are no longer kept.
  `ALTER TABLE attempts ADD COLUMN model_token_sha256 TEXT`,
  // Where the gateway counts, what the agent says of its usage is not added to the job's.
  `ALTER TABLE attempts ADD COLUMN metered INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE attempts ADD COLUMN model_calls INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE attempts ADD COLUMN model_input_tokens INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE attempts ADD COLUMN model_cached_input_tokens INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE attempts ADD COLUMN model_output_tokens INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE attempts ADD COLUMN model_reasoning_tokens INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE attempts ADD COLUMN model_cost_usd REAL NOT NULL DEFAULT 0`,
  // JSON: {failure, retryAfterMs, at}.
  `ALTER TABLE attempts ADD COLUMN model_failure TEXT`,
  `CREATE INDEX attempts_by_model_token ON attempts (model_token_sha256) WHERE model_token_sha256 IS NOT NULL`,

  `CREATE TABLE model_calls (
    id TEXT PRIMARY KEY, job INTEGER NOT NULL REFERENCES jobs (number), fence INTEGER NOT NULL,
    gateway_id TEXT NOT NULL, epoch TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled')),
    reserved_input_tokens INTEGER NOT NULL, reserved_output_tokens INTEGER NOT NULL, reserved_usd REAL,
    input_tokens INTEGER NOT NULL DEFAULT 0, cached_input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,
    reasoning_tokens INTEGER NOT NULL DEFAULT 0, cost_usd REAL NOT NULL DEFAULT 0, estimated INTEGER NOT NULL DEFAULT 0,
    outcome TEXT, started_at INTEGER NOT NULL, settled_at INTEGER,
    CHECK ((state = 'settled') = (settled_at IS NOT NULL)), CHECK ((state = 'settled') = (outcome IS NOT NULL))
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX model_calls_of_job ON model_calls (job)`,
  // Few at any time, however many calls there were.
  `CREATE INDEX model_calls_open ON model_calls (job, fence) WHERE state = 'open'`,
  `CREATE INDEX model_calls_of_gateway ON model_calls (gateway_id, epoch) WHERE state = 'open'`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
