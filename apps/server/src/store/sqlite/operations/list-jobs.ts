import type { JobView } from "@slipway/protocol/job";
import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { JOB_VIEW, type JobViewRow, jobView } from "../job-view.ts";

// A job that was made of another one was submitted by who asked for that.
const SUBMITTED = `(
  EXISTS (SELECT 1 FROM audit a INDEXED BY audit_of_job WHERE a.job = j.number AND a.action = 'submitJob' AND (a.token_name = @who OR a.token_id = @who))
  OR EXISTS (SELECT 1 FROM audit a INDEXED BY audit_of_made_job WHERE a.made_job = j.number AND (a.token_name = @who OR a.token_id = @who)))`;

const AT_WORKER = "EXISTS (SELECT 1 FROM attempts a WHERE a.job = j.number AND (a.worker_name = @worker OR a.worker_id = @worker))";

// Each word by itself. A word that is a number finds the job that has it, too.
const HAS_WORDS = `NOT EXISTS (
  SELECT 1 FROM json_each(@words) w
  WHERE s.title NOT LIKE w.value ->> 'like' ESCAPE '\\' AND s.task NOT LIKE w.value ->> 'like' ESCAPE '\\' AND j.number IS NOT w.value ->> 'number')`;

export function listJobs(db: Database, ...[filter]: Parameters<Store["listJobs"]>): JobView[] {
  const { states, kinds, taskKinds, lanes, repoId, backend, worker, codes, who, since, text, numbers, after, before, limit } = filter;
  const words = wordsOf(text ?? "");
  const conditions = [
    ...(numbers ? ["j.number IN (SELECT value FROM json_each(@numbers))"] : []),
    ...(states ? ["j.state IN (SELECT value FROM json_each(@states))"] : []),
    ...(kinds ? ["j.kind IN (SELECT value FROM json_each(@kinds))"] : []),
    ...(taskKinds ? ["j.kind = 'task' AND COALESCE(s.turn_settings ->> 'taskKind', 'develop') IN (SELECT value FROM json_each(@taskKinds))"] : []),
    ...(lanes ? ["j.lane IN (SELECT value FROM json_each(@lanes))"] : []),
    ...(repoId === undefined ? [] : ["j.repo_id = @repoId"]),
    ...(backend === undefined ? [] : ["j.backend = @backend"]),
    ...(since === undefined ? [] : ["j.updated_at >= @since"]),
    ...(codes ? ["j.failure ->> '$.code' IN (SELECT value FROM json_each(@codes))"] : []),
    ...(worker === undefined ? [] : [AT_WORKER]),
    ...(who === undefined ? [] : [SUBMITTED]),
    ...(words.length > 0 ? [HAS_WORDS] : []),
    ...(after === undefined ? [] : ["j.number > @after"]),
    ...(before === undefined ? [] : ["j.number < @before"]),
  ];
  const where = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "";
  const rows = db.all<JobViewRow>(`${JOB_VIEW} ${where} ORDER BY j.number DESC LIMIT @limit`, {
    states: JSON.stringify(states ?? []),
    kinds: JSON.stringify(kinds ?? []),
    taskKinds: JSON.stringify(taskKinds ?? []),
    lanes: JSON.stringify(lanes ?? []),
    repoId: repoId ?? "",
    backend: backend ?? "",
    worker: worker ?? "",
    codes: JSON.stringify(codes ?? []),
    who: who ?? "",
    since: since ?? 0,
    words: JSON.stringify(words),
    numbers: JSON.stringify(numbers ?? []),
    after: after ?? 0,
    before: before ?? 0,
    limit,
  });
  return rows.map(jobView);
}

function wordsOf(text: string): Array<{ like: string; number: number | null }> {
  const words = text.split(/\s+/).filter((word) => word !== "");
  return words.map((word) => ({ like: `%${word.replace(/[\\%_]/g, "\\$&")}%`, number: Number(/^#?(\d{1,15})$/.exec(word)?.[1]) || null }));
}
