import type { RepositoryRow } from "../store.ts";
import type { RepositoryTable } from "./tables.ts";

export function repositoryRow(row: RepositoryTable): RepositoryRow {
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    defaultBranch: row.default_branch,
    maxRunning: row.max_running,
    createdAt: row.created_at,
  };
}
