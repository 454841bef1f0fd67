import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // Where a completion stands among the open ones of its target, from its first claim on.
  `ALTER TABLE completions ADD COLUMN place INTEGER`,
  // JSON: gates that were red on the tree that landed, and green when it was verified a second time.
  `ALTER TABLE completions ADD COLUMN flaky_gates TEXT`,

  // A merged commit is verified a second time where it was red, by a job of its own; that there is one a run is `requestVerification`'s to see to.
  `DROP INDEX IF EXISTS jobs_verification`,
  `CREATE INDEX jobs_verifications ON jobs (completion_id, base_oid) WHERE kind = 'verify'`,

  // Branches on which nothing lands until a person resumes them. `by_name` is null where an invariant did not hold.
  `CREATE TABLE frozen_targets (
    repo_id TEXT NOT NULL REFERENCES repositories (id), target TEXT NOT NULL, at INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, by_name TEXT,
    PRIMARY KEY (repo_id, target)
  ) STRICT, WITHOUT ROWID`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
