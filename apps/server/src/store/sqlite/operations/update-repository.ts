import type { RepositoryRow, Store } from "../../store.ts";
import { recordAct } from "../audit.ts";
import type { Database } from "../database.ts";
import { readRepository } from "../repository-row.ts";

const UPDATE = `
  UPDATE repositories SET default_branch = COALESCE(@defaultBranch, default_branch), max_running = COALESCE(@maxRunning, max_running),
    day_budget = json_patch(day_budget, @dayBudget), upstream = json_patch(upstream, @upstream)
  WHERE id = @id`;

export function updateRepository(db: Database, ...[id, changes, by]: Parameters<Store["updateRepository"]>): RepositoryRow | undefined {
  const { defaultBranch = null, maxRunning = null, dayBudget = {}, upstream = {} } = changes;
  if (db.run(UPDATE, { id, defaultBranch, maxRunning, dayBudget: JSON.stringify(dayBudget), upstream: JSON.stringify(upstream) }) === 0) return undefined;
  recordAct(db, by, { action: "updateRepository", kind: "repository", key: id, outcome: "ok" });
  return readRepository(db, id);
}
