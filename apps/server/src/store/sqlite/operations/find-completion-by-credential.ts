import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const LIVE = `
  SELECT id AS completionId, fence, repo_id AS repoId FROM completions
  WHERE credential_sha256 = @sha256 AND state IN ('pending', 'landing') AND lease_until > ${NOW}`;

export function findCompletionByCredential(db: Database, sha256: string): Awaited<ReturnType<Store["findCompletionByCredential"]>> {
  return db.get(LIVE, { sha256 });
}
