import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // How gates ended on trees that no agent of the job at hand has touched, keyed as receipts are.
  `CREATE TABLE gate_baselines (
    repo_id TEXT NOT NULL REFERENCES repositories (id), tree TEXT NOT NULL, gate TEXT NOT NULL, command TEXT NOT NULL, setup_digest TEXT NOT NULL,
    image TEXT NOT NULL, environment_digest TEXT NOT NULL, exit_code INTEGER NOT NULL, failure_digest TEXT NOT NULL, duration_ms REAL NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (repo_id, tree, gate, command, setup_digest, image, environment_digest)
  ) STRICT, WITHOUT ROWID`,

  // Failures that were gone when the gate was run again on the same files, once a job.
  `CREATE TABLE gate_flakes (
    repo_id TEXT NOT NULL REFERENCES repositories (id), gate TEXT NOT NULL, failure_digest TEXT NOT NULL, job INTEGER NOT NULL REFERENCES jobs (number),
    excerpt TEXT NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (repo_id, gate, failure_digest, job)
  ) STRICT, WITHOUT ROWID`,

  // Empty of receipts from before.
  "ALTER TABLE receipts ADD COLUMN failure_digest TEXT",
  "ALTER TABLE receipts ADD COLUMN flaky INTEGER NOT NULL DEFAULT 0",
  "ALTER TABLE receipts ADD COLUMN created_at INTEGER",
  "CREATE INDEX receipts_of_tree ON receipts (tree)",
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
