import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { insertJob } from "../insert-job.ts";
import { readJobView } from "../job-view.ts";

// The same id again is the same submission, whose answer got lost.
const SAME = `
  SELECT number FROM jobs WHERE id = @id
  UNION ALL
  SELECT number FROM jobs WHERE dedupe_key = @dedupeKey AND dedupe_key IS NOT NULL AND state IN ('queued', 'running', 'integrating', 'blocked')
  LIMIT 1`;

export function submitJob(db: Database, ...[input]: Parameters<Store["submitJob"]>): Awaited<ReturnType<Store["submitJob"]>> {
  const known = db.get<{ number: number }>(SAME, { id: input.id, dedupeKey: input.dedupeKey });
  if (known) return { job: readJobView(db, known.number), deduplicated: true };
  return { job: readJobView(db, insertJob(db, input, null)), deduplicated: false };
}
