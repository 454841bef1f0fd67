import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // What is to be told to receivers by HTTP: one row a receiver. `ended_at`: when it arrived, or was given up; it goes a week later.
  `CREATE TABLE notifications (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, receiver TEXT NOT NULL, notice TEXT NOT NULL, created_at INTEGER NOT NULL, due_at INTEGER,
    tries INTEGER NOT NULL DEFAULT 0, problem TEXT, ended_at INTEGER, arrived INTEGER NOT NULL DEFAULT 0
  ) STRICT`,
  "CREATE INDEX notifications_due ON notifications (receiver, due_at) WHERE due_at IS NOT NULL",
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
