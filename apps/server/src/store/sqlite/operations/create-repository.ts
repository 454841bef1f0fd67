import { SlipwayError } from "@slipway/protocol/errors";
import type { Store } from "../../store.ts";
import { recordAct } from "../audit.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { REPOSITORY_VIEW, type RepositoryViewRow, repositoryRow } from "../repository-row.ts";
import type { RepositoryTable } from "../tables.ts";

const INSERT = `
  INSERT INTO repositories (id, name, url, default_branch, max_running, created_at)
  VALUES (@id, @name, @url, @defaultBranch, @maxRunning, ${NOW})
  ON CONFLICT (name) DO NOTHING RETURNING *`;

/** The same name and address again gives the repository that there is; another address under a known name: CONFLICT. */
export function createRepository(db: Database, ...[input, by]: Parameters<Store["createRepository"]>): Awaited<ReturnType<Store["createRepository"]>> {
  const { id, name, url, defaultBranch, maxRunning } = input;
  const created = db.get<RepositoryTable>(INSERT, { id, name, url, defaultBranch, maxRunning }) !== undefined;
  const known = db.get<RepositoryViewRow>(`${REPOSITORY_VIEW} WHERE r.name = @name`, { name });
  if (!known || known.url !== url) {
    throw new SlipwayError("CONFLICT", `There is a repository "${name}" with another address.`, { name, url: known?.url ?? null });
  }
  recordAct(db, by, { action: "createRepository", kind: "repository", key: known.id, outcome: created ? "ok" : "unchanged" });
  return { repository: repositoryRow(known), created };
}
