import { type Kysely, sql } from "kysely";

// What a critic said of a tree goes with the artifacts of the job that asked: from then on it would be asked anew.
const STATEMENTS = [
  `CREATE TABLE critic_opinions (
    repo_id TEXT NOT NULL REFERENCES repositories (id), tree TEXT NOT NULL, question TEXT NOT NULL, critic TEXT NOT NULL,
    job INTEGER NOT NULL REFERENCES jobs (number), opinion TEXT NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (repo_id, tree, question, critic)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX critic_opinions_by_job ON critic_opinions (job)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
