import type { VerifySpec } from "@slipway/protocol/job";
import type { NewJob } from "../../rows.ts";
import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { COMPLETION_LEASE_LIVES, completionLeaseLost } from "../fence.ts";
import { insertJob } from "../insert-job.ts";
import { readJobView } from "../job-view.ts";

const SAME = "SELECT number, id FROM jobs WHERE kind = 'verify' AND completion_id = @id AND base_oid = @mergedOid";

const NAME = `
  UPDATE completions SET merged_oid = @mergedOid, merged_tree = @tree, verify_job_id = @verifyJobId
  WHERE id = @id AND ${COMPLETION_LEASE_LIVES}`;

export function requestVerification(db: Database, id: string, fence: number, spec: VerifySpec, job: NewJob): Awaited<ReturnType<Store["requestVerification"]>> {
  const known = db.get<{ number: number; id: string }>(SAME, { id, mergedOid: spec.mergedOid });
  const named = db.run(NAME, { id, fence, mergedOid: spec.mergedOid, tree: spec.tree, verifyJobId: known?.id ?? job.id });
  if (named === 0) throw completionLeaseLost(id, fence);
  if (known) return { verifyJob: readJobView(db, known.number), created: false };
  // The merged commit is the job's base by definition, and what makes a second request the same one.
  const number = insertJob(db, { ...job, kind: "verify", baseOid: spec.mergedOid, completionId: id }, spec);
  return { verifyJob: readJobView(db, number), created: true };
}
