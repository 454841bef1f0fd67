import { SlipwayError } from "@slipway/protocol/errors";
import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { repositoryRow } from "../repository-row.ts";
import type { RepositoryTable } from "../tables.ts";

const INSERT = `
  INSERT INTO repositories (id, name, url, default_branch, max_running, created_at)
  VALUES (@id, @name, @url, @defaultBranch, @maxRunning, ${NOW})
  ON CONFLICT (name) DO NOTHING RETURNING *`;

/** The same name and address again gives the repository that there is; another address under a known name: CONFLICT. */
export function createRepository(db: Database, ...[input]: Parameters<Store["createRepository"]>): Awaited<ReturnType<Store["createRepository"]>> {
  const { id, name, url, defaultBranch, maxRunning } = input;
  const inserted = db.get<RepositoryTable>(INSERT, { id, name, url, defaultBranch, maxRunning });
  if (inserted) return { repository: repositoryRow(inserted), created: true };
  const known = db.get<RepositoryTable>("SELECT * FROM repositories WHERE name = @name", { name });
  if (!known || known.url !== url) {
    throw new SlipwayError("CONFLICT", `There is a repository "${name}" with another address.`, { name, url: known?.url ?? null });
  }
  return { repository: repositoryRow(known), created: false };
}
