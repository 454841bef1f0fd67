import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { COMPLETION_LEASE_LIVES, completionLeaseLost } from "../fence.ts";

const INTEND = `
  UPDATE completions SET state = 'landing', intent_target = @target, intent_old_oid = @oldOid, intent_new_oid = @newOid, merged_oid = @newOid,
    merged_tree = COALESCE(@tree, merged_tree), flaky_gates = @flakyGates, batch_of = NULL
  WHERE id = @id AND ${COMPLETION_LEASE_LIVES}`;

// Those that land with it, by the same move of the branch: each as the commit that it was merged to.
const INTEND_OTHER = `
  UPDATE completions SET state = 'landing', intent_target = @target, intent_old_oid = @oldOid, intent_new_oid = @mergedOid, merged_oid = @mergedOid,
    batch_of = @id, verify_job_id = (SELECT verify_job_id FROM completions t WHERE t.id = @id)
  WHERE id = @completion AND ${COMPLETION_LEASE_LIVES}`;

// The same intent again, its answer having been lost, stands as it is.
const SAME = `
  SELECT 1 FROM completions WHERE id = @id AND fence = @fence AND state = 'landing'
    AND intent_target = @target AND intent_old_oid IS @oldOid AND intent_new_oid = @newOid`;

export function intendLanding(db: Database, ...[id, fence, intent]: Parameters<Store["intendLanding"]>): void {
  const { target, oldOid, newOid, tree = null, flakyGates = [], batch = [] } = intent;
  const parameters = { id, fence, target, oldOid, newOid };
  const intended = db.run(INTEND, { ...parameters, tree, flakyGates: flakyGates.length > 0 ? JSON.stringify(flakyGates) : null });
  if (intended === 0) {
    if (!db.get(SAME, parameters)) throw completionLeaseLost(id, fence);
    return;
  }
  for (const other of batch) {
    if (db.run(INTEND_OTHER, { ...other, id, target, oldOid }) === 0) throw completionLeaseLost(other.completion, other.fence);
  }
}
