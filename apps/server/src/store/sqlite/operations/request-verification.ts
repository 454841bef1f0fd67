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
  UPDATE completions SET merged_oid = @mergedOid, merged_tree = @tree, verify_job_id = @verifyJobId, batch_of = NULL
  WHERE id = @id AND ${COMPLETION_LEASE_LIVES}`;

const NAME_OTHER = `UPDATE completions SET batch_of = @id, merged_oid = @mergedOid WHERE id = @completion AND ${COMPLETION_LEASE_LIVES}`;

type Requested = Awaited<ReturnType<Store["requestVerification"]>>;

export function requestVerification(db: Database, ...[id, fence, spec, job, run = 1, batch = []]: Parameters<Store["requestVerification"]>): Requested {
  const known = db.all<{ number: number; id: string }>(RUNS, { id, mergedOid: spec.mergedOid })[run - 1];
  const named = db.run(NAME, { id, fence, mergedOid: spec.mergedOid, tree: spec.tree, verifyJobId: known?.id ?? job.id });
  if (named === 0) throw completionLeaseLost(id, fence);
  // Where it was merged before, onto something that did not land, nobody waits for that any more.
  const ended = [cancelVerifications(db, id, spec.mergedOid)];
  for (const other of batch) {
    if (db.run(NAME_OTHER, { ...other, id }) === 0) throw completionLeaseLost(other.completion, other.fence);
    ended.push(cancelVerifications(db, other.completion, spec.mergedOid));
  }
  const both = { cancelled: ended.flatMap(({ cancelled }) => cancelled), revoked: ended.flatMap(({ revoked }) => revoked) };
  if (known) return { verifyJob: readJobView(db, known.number), created: false, ...both };
  // The merged commit is the job's base by definition, and what makes a second request the same one.
  const number = insertJob(db, { ...job, kind: "verify", baseOid: spec.mergedOid, completionId: id }, spec);
  return { verifyJob: readJobView(db, number), created: true, ...both };
}
