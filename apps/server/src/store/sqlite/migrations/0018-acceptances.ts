import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // A job that lands what a person accepted of a failed one. It stays as long as the job, longer than the audit; `red` is JSON, and names the gates whose
  // receipts may be red. `fence` is null where the work is the change of a job that was accepted itself.
  `CREATE TABLE acceptances (
    job INTEGER PRIMARY KEY REFERENCES jobs (number), of_job INTEGER NOT NULL REFERENCES jobs (number), fence INTEGER, oid TEXT NOT NULL, sandbox TEXT NOT NULL,
    at INTEGER NOT NULL, by_name TEXT NOT NULL, by_role TEXT NOT NULL, reason TEXT, red TEXT NOT NULL
  ) STRICT`,
  `CREATE INDEX acceptances_of_job ON acceptances (of_job)`,

  // How long jobs like this one took, newest first.
  `CREATE INDEX jobs_history ON jobs (repo_id, backend, number) WHERE kind = 'task' AND state = 'done'`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
