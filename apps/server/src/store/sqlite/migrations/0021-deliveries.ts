import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // What is to be pushed to a repository's address for a job, and how far that is. `of_job` is the job that the branch was made for; its own number but for
  // a job that revises a branch. `round` counts the intents: a step of an older one is refused. `tried` is JSON: commits of earlier intents, any of which may
  // stand on the branch. `onto_oid` is the target that
  // it was merged onto. `plan` is JSON: the pull request as it is to be. `due_at` is when the next step is due; null where none is.
  `CREATE TABLE deliveries (
    job INTEGER PRIMARY KEY REFERENCES jobs (number), of_job INTEGER NOT NULL REFERENCES jobs (number), repo_id TEXT NOT NULL REFERENCES repositories (id),
    mode TEXT NOT NULL CHECK (mode IN ('pr', 'branch')),
    state TEXT NOT NULL CHECK (state IN ('pushing', 'opening', 'delivered', 'blocked', 'withdrawn')),
    completion TEXT NOT NULL, round INTEGER NOT NULL, branch TEXT NOT NULL, oid TEXT NOT NULL, onto_oid TEXT NOT NULL, tried TEXT NOT NULL, pushed_oid TEXT, plan TEXT NOT NULL,
    since INTEGER NOT NULL, due_at INTEGER, problem TEXT
  ) STRICT`,
  // A name is one job's; those that revise its branch have it by `of_job`.
  `CREATE UNIQUE INDEX deliveries_branch ON deliveries (repo_id, branch) WHERE job = of_job`,
  `CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL`,
  `CREATE INDEX deliveries_of_branch ON deliveries (of_job, job)`,

  // A pull request as it was when it was last looked at. `seen` is JSON: what of its reviews and checks has been answered by a revision.
  `CREATE TABLE pull_requests (
    job INTEGER PRIMARY KEY REFERENCES jobs (number), number INTEGER NOT NULL, url TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'draft', 'merged', 'closed')), head_oid TEXT NOT NULL, etag TEXT, seen TEXT NOT NULL,
    revisions INTEGER NOT NULL DEFAULT 0, opened_at INTEGER NOT NULL, look_at INTEGER
  ) STRICT`,
  // The jobs that revise the branch of another one.
  `CREATE TABLE revisions (job INTEGER PRIMARY KEY REFERENCES jobs (number), of_job INTEGER NOT NULL REFERENCES jobs (number)) STRICT`,
  `CREATE INDEX revisions_of_job ON revisions (of_job)`,
  `CREATE INDEX pull_requests_due ON pull_requests (look_at) WHERE look_at IS NOT NULL`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
