import { SlipwayError } from "@slipway/protocol/errors";
import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import { completionView, requireCompletion } from "../completion-view.ts";
import type { Database } from "../database.ts";
import { COMPLETION_LEASE_LIVES, completionLeaseLost } from "../fence.ts";

// Verified, and from here on with its delivery: other completions of the target do not wait for a git host.
const HAND_OVER = `
  UPDATE completions SET state = 'landed', merged_oid = @mergedOid, merged_tree = COALESCE(@tree, merged_tree), lease_until = NULL
  WHERE id = @id AND ${COMPLETION_LEASE_LIVES}`;

const OF_BRANCH = "SELECT d.of_job AS ofJob, d.branch FROM deliveries d JOIN jobs j ON j.number = d.job WHERE j.id = @revises";
const OWN = "SELECT of_job AS ofJob, branch FROM deliveries WHERE job = @job";
const TAKEN = "SELECT branch FROM deliveries WHERE repo_id = @repoId AND job = of_job";

const INTEND = `
  INSERT INTO deliveries (job, of_job, repo_id, mode, state, completion, round, branch, oid, onto_oid, tried, plan, since, due_at)
  VALUES (@job, @ofJob, @repoId, @mode, 'pushing', @id, 1, @branch, @oid, @ontoOid, '[]', @plan, ${NOW}, ${NOW})
  ON CONFLICT (job) DO UPDATE SET state = 'pushing', completion = @id, round = round + 1, tried = json_insert(tried, '$[#]', oid), oid = @oid, onto_oid = @ontoOid, plan = @plan,
    since = ${NOW}, due_at = ${NOW}, problem = NULL`;

export function intendDelivery(db: Database, ...[id, fence, intent]: Parameters<Store["intendDelivery"]>): Awaited<ReturnType<Store["intendDelivery"]>> {
  const { mode, revises, oid, mergedOid, ontoOid, tree, plan } = intent;
  const handedOver = db.run(HAND_OVER, { id, fence, mergedOid, tree });
  const completion = requireCompletion(db, id);
  // The answer of the first call was lost on its way.
  const repeated = completion.state === "landed" && completion.fence === fence && completion.merged_oid === mergedOid;
  if (handedOver === 0 && !repeated) throw completionLeaseLost(id, fence);
  if (handedOver === 1) {
    const { job, repo_id: repoId } = completion;
    const known =
      revises === null ? db.get<{ ofJob: number; branch: string }>(OWN, { job }) : db.get<{ ofJob: number; branch: string }>(OF_BRANCH, { revises });
    if (revises !== null && !known) throw new SlipwayError("CONFLICT", "The job that is revised has no branch.", { job: revises });
    const { ofJob, branch } = known ?? { ofJob: job, branch: freeName(db, repoId, intent.branch) };
    db.run(INTEND, { job, ofJob, repoId, mode, id, branch, oid, ontoOid, plan: JSON.stringify(plan) });
  }
  return completionView(requireCompletion(db, id));
}

/** The first of `name`, `name-2`, `name-3` … that no other job of the repository has, nor would lie below or above. */
export function freeName(db: Database, repoId: string, name: string): string {
  const taken = db.all<{ branch: string }>(TAKEN, { repoId }).map(({ branch }) => branch.toLowerCase());
  // Git has no branch `a/b` beside a branch `a`: below one that is there, no suffix helps.
  const lower = name.toLowerCase();
  const stem = taken.some((other) => lower.startsWith(`${other}/`)) ? name.replaceAll("/", "-") : name;
  for (let index = 1; ; index += 1) {
    const candidate = index === 1 ? stem : `${stem}-${index}`;
    const key = candidate.toLowerCase();
    // Some file systems tell no case.
    if (!taken.some((other) => other === key || other.startsWith(`${key}/`))) return candidate;
  }
}
