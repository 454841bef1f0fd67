import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // Of all lines that a gate's report tells of, how many its tests ran, as JSON; empty where the gate has no report, and from before.
  "ALTER TABLE receipts ADD COLUMN coverage TEXT",
  "ALTER TABLE gate_baselines ADD COLUMN coverage TEXT",
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
