import { type Kysely, sql } from "kysely";

// Which images are still needed, a row for each of a job's until its artifacts go. What they are called stands with the job, and stays.
const STATEMENTS = [
  `CREATE TABLE job_images (
    job INTEGER NOT NULL REFERENCES jobs (number), sha256 TEXT NOT NULL,
    PRIMARY KEY (job, sha256)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX job_images_by_digest ON job_images (sha256)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
