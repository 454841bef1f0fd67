import type { RepositoryRow } from "../../store.ts";
import type { Database } from "../database.ts";
import { repositoryRow } from "../repository-row.ts";
import type { RepositoryTable } from "../tables.ts";

export function listRepositories(db: Database): RepositoryRow[] {
  return db.all<RepositoryTable>("SELECT * FROM repositories ORDER BY name").map(repositoryRow);
}
