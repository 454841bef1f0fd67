import type { RepositoryRow } from "../../store.ts";
import type { Database } from "../database.ts";
import { repositoryRow } from "../repository-row.ts";
import type { RepositoryTable } from "../tables.ts";

// A repository may be named like another one's id; the id wins.
const BY_ID_OR_NAME = "SELECT * FROM repositories WHERE id = @key OR name = @key ORDER BY id = @key DESC LIMIT 1";

export function getRepository(db: Database, idOrName: string): RepositoryRow | undefined {
  const row = db.get<RepositoryTable>(BY_ID_OR_NAME, { key: idOrName });
  return row && repositoryRow(row);
}
