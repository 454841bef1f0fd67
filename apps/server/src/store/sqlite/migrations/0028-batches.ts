import { type Kysely, sql } from "kysely";

const STATEMENTS = [
  // How many have been let into the train before a change that was there first: it is foreseen to conflict with one ahead of it.
  `ALTER TABLE completions ADD COLUMN passed INTEGER NOT NULL DEFAULT 0`,
  // The completion whose merged tree is verified, or was, for this one too; null where it is verified on its own.
  `ALTER TABLE completions ADD COLUMN batch_of TEXT`,
  // How often a batch that it was in was red, and was split.
  `ALTER TABLE completions ADD COLUMN bisects INTEGER NOT NULL DEFAULT 0`,
  // The verify job that was red the last time.
  `ALTER TABLE completions ADD COLUMN split_by TEXT`,
  // Of commits that nobody made here, pushed to the repository's address by others: the sandbox that their merge is verified in. They land as a merge commit.
  `ALTER TABLE completions ADD COLUMN foreign_sandbox TEXT`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
