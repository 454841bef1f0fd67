import type { JobDetail } from "@slipway/protocol/job";
import { type Scorecard, scorecardOf } from "@slipway/protocol/scorecard";
import type { ControlPlane } from "../control-plane.ts";
import { findJobDetail } from "../jobs/find-job.ts";
import { factsOf } from "./facts.ts";
import { readAllEvents } from "./read-all-events.ts";

/** How often work may have been accepted anew before its first job is no longer looked for. */
const ACCEPTANCES_LIMIT = 10;

/** The scorecard of a job, counted now. Of one that lands what a person accepted, the work is that of the job whose agent did it. */
export async function readScorecard(plane: Pick<ControlPlane, "store">, detail: JobDetail): Promise<Scorecard> {
  const work = await workedBy(plane, detail);
  const [kept, history] = await Promise.all([readAllEvents(plane.store, work.job.id), plane.store.jobHistory(work.job.id)]);
  return scorecardOf(factsOf(detail, work, kept, history));
}

/** The job whose attempts did the work: this one, or the one that it was accepted of. */
export async function workedBy({ store }: Pick<ControlPlane, "store">, detail: JobDetail): Promise<JobDetail> {
  let work = detail;
  for (let left = ACCEPTANCES_LIMIT; work.acceptance && left > 0; left -= 1) work = await findJobDetail(store, work.acceptance.jobId);
  return work;
}
