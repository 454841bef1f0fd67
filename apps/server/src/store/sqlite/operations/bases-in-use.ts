import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

// The base of a verify job is a merged commit, which has a ref of its own.
const IN_USE = `
  SELECT repo_id AS repoId, base_oid AS oid FROM jobs INDEXED BY jobs_by_state
  WHERE state IN ('queued', 'running', 'integrating', 'blocked') AND kind = 'task'
  UNION
  -- What a change that goes back to its agent was made on is needed to merge it.
  SELECT repo_id, s.revision ->> '$.baseOid' FROM jobs INDEXED BY jobs_by_state JOIN job_specs s ON s.job = number
  WHERE state IN ('queued', 'running', 'integrating', 'blocked') AND kind = 'task' AND s.revision IS NOT NULL
  UNION
  SELECT repo_id, base_oid FROM jobs INDEXED BY jobs_undropped
  WHERE ended_at IS NOT NULL AND dropped_seq < last_seq AND ended_at > ${NOW} - @retentionMs AND kind = 'task'`;

export function basesInUse(db: Database, retentionMs: number): Awaited<ReturnType<Store["basesInUse"]>> {
  return db.all(IN_USE, { retentionMs });
}
