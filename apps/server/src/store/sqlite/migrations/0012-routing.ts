import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // JSON of a job that asked for more than one backend by its name, and of what the backend before left; null for all others.
  `ALTER TABLE job_specs ADD COLUMN routing TEXT`,
  `ALTER TABLE job_specs ADD COLUMN handover TEXT`,

  // A job may change its backend, so each attempt keeps its own. `image` is what its circuit is known by; empty for attempts of before.
  `ALTER TABLE attempts ADD COLUMN backend TEXT NOT NULL DEFAULT ''`,
  `ALTER TABLE attempts ADD COLUMN image TEXT NOT NULL DEFAULT ''`,
  `UPDATE attempts SET backend = (SELECT backend FROM jobs WHERE number = job)`,
  `CREATE INDEX attempts_by_backend ON attempts (backend, ended_at) WHERE ended_at IS NOT NULL`,

  // A row while a backend has failed by its own fault since it last worked; open where `open_until` is set.
  `CREATE TABLE circuits (
    backend TEXT NOT NULL, image TEXT NOT NULL,
    faults INTEGER NOT NULL, last_job INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
    opens INTEGER NOT NULL DEFAULT 0, opened_at INTEGER, open_until INTEGER, canary_job INTEGER, canary_fence INTEGER,
    PRIMARY KEY (backend, image),
    CHECK ((opened_at IS NULL) = (open_until IS NULL)), CHECK ((canary_job IS NULL) = (canary_fence IS NULL)),
    CHECK (canary_job IS NULL OR open_until IS NOT NULL)
  ) STRICT, WITHOUT ROWID`,

  // The audit has a fifth kind of thing. A check that the table itself has goes only with the table.
  `CREATE TABLE audit_anew (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, last_at INTEGER NOT NULL, count INTEGER NOT NULL DEFAULT 1,
    action TEXT NOT NULL, token_id TEXT, token_name TEXT, role TEXT, address TEXT,
    object_kind TEXT CHECK (object_kind IN ('job', 'repository', 'worker', 'token', 'backend')), object_id TEXT, object_name TEXT,
    job INTEGER, made_job INTEGER, outcome TEXT NOT NULL,
    hour INTEGER,
    CHECK ((object_kind IS NULL) = (object_id IS NULL)), CHECK ((token_id IS NULL) = (role IS NULL))
  ) STRICT`,
  `INSERT INTO audit_anew (seq, at, last_at, count, action, token_id, token_name, role, address, object_kind, object_id, object_name, job, made_job, outcome, hour)
    SELECT seq, at, last_at, count, action, token_id, token_name, role, address, object_kind, object_id, object_name, job, made_job, outcome, hour FROM audit`,
  // Numbers of rows that were pruned are not given again: pages of the audit are told by them.
  `DELETE FROM sqlite_sequence WHERE name = 'audit_anew'`,
  `INSERT INTO sqlite_sequence (name, seq) SELECT 'audit_anew', seq FROM sqlite_sequence WHERE name = 'audit'`,
  `DROP TABLE audit`,
  `ALTER TABLE audit_anew RENAME TO audit`,
  `CREATE INDEX audit_by_time ON audit (last_at)`,
  `CREATE INDEX audit_of_job ON audit (job) WHERE job IS NOT NULL`,
  `CREATE INDEX audit_of_made_job ON audit (made_job) WHERE made_job IS NOT NULL`,
  `CREATE UNIQUE INDEX audit_refusals ON audit (hour, action, outcome, COALESCE(token_id, ''), COALESCE(address, '')) WHERE hour IS NOT NULL`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
