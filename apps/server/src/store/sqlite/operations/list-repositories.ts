import type { RepositoryRow } from "../../store.ts";
import type { Database } from "../database.ts";
import { REPOSITORY_VIEW, type RepositoryViewRow, repositoryRow } from "../repository-row.ts";

export function listRepositories(db: Database): RepositoryRow[] {
  return db.all<RepositoryViewRow>(`${REPOSITORY_VIEW} ORDER BY r.name`).map(repositoryRow);
}
