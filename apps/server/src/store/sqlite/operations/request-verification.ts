import type { VerifySpec } from "@slipway/protocol/job";
import type { NewJob } from "../../rows.ts";
import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { COMPLETION_LEASE_LIVES, completionLeaseLost } from "../fence.ts";
import { insertJob } from "../insert-job.ts";
import { readJobView } from "../job-view.ts";
import { cancelVerifications } from "./cancel-job.ts";

// The second run of a commit is its second verify job. One that was cancelled because the change was merged otherwise is none.
const RUNS = `
  SELECT number, id FROM jobs
  WHERE kind = 'verify' AND completion_id = @id AND base_oid = @mergedOid AND failure ->> '$.details.superseded' IS NOT 1
  ORDER BY number`;

const NAME = `
  UPDATE completions SET merged_oid = @mergedOid, merged_tree = @tree, verify_job_id = @verifyJobId
  WHERE id = @id AND ${COMPLETION_LEASE_LIVES}`;

type Requested = Awaited<ReturnType<Store["requestVerification"]>>;

export function requestVerification(db: Database, id: string, fence: number, spec: VerifySpec, job: NewJob, run = 1): Requested {
  const known = db.all<{ number: number; id: string }>(RUNS, { id, mergedOid: spec.mergedOid })[run - 1];
  const named = db.run(NAME, { id, fence, mergedOid: spec.mergedOid, tree: spec.tree, verifyJobId: known?.id ?? job.id });
  if (named === 0) throw completionLeaseLost(id, fence);
  // Where it was merged before, onto something that did not land, nobody waits for that any more.
  const ended = cancelVerifications(db, id, spec.mergedOid);
  if (known) return { verifyJob: readJobView(db, known.number), created: false, ...ended };
  // The merged commit is the job's base by definition, and what makes a second request the same one.
  const number = insertJob(db, { ...job, kind: "verify", baseOid: spec.mergedOid, completionId: id }, spec);
  return { verifyJob: readJobView(db, number), created: true, ...ended };
}
