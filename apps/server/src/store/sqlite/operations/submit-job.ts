import type { Store } from "../../store.ts";
import { recordAct } from "../audit.ts";
import type { Database } from "../database.ts";
import { insertJob } from "../insert-job.ts";
import { readJobView } from "../job-view.ts";

// The same id again is the same submission, whose answer got lost.
const SAME = `
  SELECT number FROM jobs WHERE id = @id
  UNION ALL
  SELECT number FROM jobs WHERE dedupe_key = @dedupeKey AND dedupe_key IS NOT NULL AND state IN ('queued', 'running', 'integrating', 'blocked')
  LIMIT 1`;

export function submitJob(db: Database, ...[input, by]: Parameters<Store["submitJob"]>): Awaited<ReturnType<Store["submitJob"]>> {
  const known = db.get<{ number: number }>(SAME, { id: input.id, dedupeKey: input.dedupeKey });
  const number = known?.number ?? insertJob(db, input, null);
  const outcome = known ? "unchanged" : "ok";
  if (input.replay && input.retryOf === null) recordAct(db, by, { action: "replayJob", kind: "job", key: input.replay.jobId, madeJob: number, outcome });
  else if (input.continues && input.retryOf === null)
    recordAct(db, by, { action: "reviseJob", kind: "job", key: input.continues.jobId, madeJob: number, outcome });
  else if (input.retryOf === null) recordAct(db, by, { action: "submitJob", kind: "job", key: String(number), outcome });
  // Where another job has the key the retry is refused, and kept as such.
  else if (!known) recordAct(db, by, { action: "retryJob", kind: "job", key: input.retryOf, madeJob: number, outcome });
  return { job: readJobView(db, number), deduplicated: known !== undefined };
}
