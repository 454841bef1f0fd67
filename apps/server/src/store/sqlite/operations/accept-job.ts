import { redText } from "@slipway/protocol/acceptance";
import { SlipwayError } from "@slipway/protocol/errors";
import type { AcceptedWork, Actor, NewJob } from "../../rows.ts";
import type { Store } from "../../store.ts";
import { recordAct } from "../audit.ts";
import { NOW } from "../clock.ts";
import { COMPLETION_VIEW, type CompletionViewRow } from "../completion-view.ts";
import type { Database } from "../database.ts";
import { insertJob } from "../insert-job.ts";
import { readJobView, requireJob } from "../job-view.ts";
import { moveJob } from "../moves.ts";

// One that was cancelled landed nothing, and leaves room for another.
const KNOWN = `
  SELECT n.number FROM acceptances a JOIN jobs n ON n.number = a.job
  WHERE a.of_job = @of AND n.state <> 'cancelled' ORDER BY n.number DESC LIMIT 1`;

const ADD = `
  INSERT INTO acceptances (job, of_job, fence, oid, sandbox, at, by_name, by_role, reason, red)
  VALUES (@job, @of, @fence, @oid, @sandbox, ${NOW}, @name, @role, @reason, @red)`;

// What its attempt changed is what the new job changes: the same tree on the same base.
const NAME_RESULT = "UPDATE jobs SET result_oid = @oid, diff_stat = (SELECT diff_stat FROM jobs WHERE number = @of) WHERE number = @job";

const ADD_COMPLETION = `
  INSERT INTO completions (id, job, repo_id, oid, base_oid, target, state, created_at)
  SELECT @id, number, repo_id, result_oid, base_oid, target, 'pending', ${NOW} FROM jobs WHERE number = @job`;

/** `completionId`: of the completion that is made. It comes from the proxy, as that of `finish` does. */
export function acceptJob(
  db: Database,
  work: AcceptedWork,
  job: NewJob,
  by: Actor,
  { completionId }: { completionId: string },
): Awaited<ReturnType<Store["acceptJob"]>> {
  const { number: of, state } = requireJob(db, work.of);
  const known = db.get<{ number: number }>(KNOWN, { of });
  const act = { action: "acceptJob", kind: "job", key: work.of } as const;
  if (known) {
    recordAct(db, by, { ...act, madeJob: known.number, outcome: "unchanged" });
    return { job: readJobView(db, known.number), created: false };
  }
  if (state !== "failed") throw new SlipwayError("CONFLICT", `Job ${of} is ${state}, not failed.`, { state });
  // The job for it was cancelled since: what the caller looked at was the record of that one.
  if (work.acceptedOid === null)
    throw new SlipwayError("CONFLICT", `The job that was to land the work of job ${of} was cancelled. Accept it again.`, { state });
  const sandbox = sandboxOf(db, of, work.fence);
  const number = insertJob(db, job, null);
  const { fence, oid, acceptedOid, reason, red } = work;
  const { tokenName: name, role } = by;
  db.run(ADD, { job: number, of, fence, oid, sandbox, name, role, reason, red: JSON.stringify(red) });
  db.run(NAME_RESULT, { job: number, of, oid: acceptedOid });
  const why = `${name} accepted the work of job ${of}, on which was red: ${redText(red)}${reason === null ? "" : `. ${reason}`}`;
  const moved = moveJob(db, { number, kind: "task", fence: null, from: "queued", on: "accept", reason: why }, null);
  if (!moved) throw new Error("a job that was just made was not queued");
  db.run(ADD_COMPLETION, { id: completionId, job: number });
  recordAct(db, by, { ...act, madeJob: number, outcome: "ok" });
  return { job: readJobView(db, number), created: true };
}

/** What the work was made in, which its receipts have to be made in too. */
function sandboxOf(db: Database, job: number, fence: number | null): string {
  const attempt = db.get<{ sandbox: string }>("SELECT sandbox FROM attempts WHERE job = @job AND fence = @fence", { job, fence });
  const found = attempt ?? db.get<CompletionViewRow>(`${COMPLETION_VIEW} WHERE c.job = @job ORDER BY c.seq DESC LIMIT 1`, { job });
  if (!found) throw new SlipwayError("CONFLICT", `Job ${job} has no attempt ${fence}.`, { job, fence });
  return found.sandbox;
}
