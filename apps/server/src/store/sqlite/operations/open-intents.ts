import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";

// Those of a batch are settled with its last one.
const OPEN = `
  SELECT id AS completionId, repo_id AS repoId, intent_target AS target, intent_old_oid AS oldOid, intent_new_oid AS newOid
  FROM completions INDEXED BY completions_open WHERE state IN ('pending', 'landing') AND state = 'landing' AND batch_of IS NULL ORDER BY seq`;

export function openIntents(db: Database): Awaited<ReturnType<Store["openIntents"]>> {
  return db.all(OPEN);
}
