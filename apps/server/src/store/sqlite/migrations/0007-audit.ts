import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // Names as they were then: a token may be revoked and a repository renamed, what was done stays done.
  `CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, last_at INTEGER NOT NULL, count INTEGER NOT NULL DEFAULT 1,
    action TEXT NOT NULL, token_id TEXT, token_name TEXT, role TEXT, address TEXT,
    object_kind TEXT CHECK (object_kind IN ('job', 'repository', 'worker', 'token')), object_id TEXT, object_name TEXT,
    job INTEGER, made_job INTEGER, outcome TEXT NOT NULL,
    -- Of refused calls, which are counted by the hour; null for all others.
    hour INTEGER,
    CHECK ((object_kind IS NULL) = (object_id IS NULL)), CHECK ((token_id IS NULL) = (role IS NULL))
  ) STRICT`,
  `CREATE INDEX audit_by_time ON audit (last_at)`,
  `CREATE INDEX audit_of_job ON audit (job) WHERE job IS NOT NULL`,
  `CREATE INDEX audit_of_made_job ON audit (made_job) WHERE made_job IS NOT NULL`,
  // COALESCE, because two nulls are never the same to a unique index.
  `CREATE UNIQUE INDEX audit_refusals ON audit (hour, action, outcome, COALESCE(token_id, ''), COALESCE(address, '')) WHERE hour IS NOT NULL`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
