import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // Browsers that are signed in: the digest of the cookie's secret, and the token as which they act.
  `CREATE TABLE sessions (
    sha256 TEXT PRIMARY KEY, token_id TEXT NOT NULL REFERENCES tokens (id), created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
