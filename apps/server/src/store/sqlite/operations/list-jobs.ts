import type { JobView } from "@slipway/protocol/job";
import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { JOB_VIEW, type JobViewRow, jobView } from "../job-view.ts";

export function listJobs(db: Database, ...[filter]: Parameters<Store["listJobs"]>): JobView[] {
  const { states, kinds, taskKinds, lanes, repoId, backend, before, limit } = filter;
  const conditions = [
    ...(states ? ["j.state IN (SELECT value FROM json_each(@states))"] : []),
    ...(kinds ? ["j.kind IN (SELECT value FROM json_each(@kinds))"] : []),
    ...(taskKinds ? ["j.kind = 'task' AND COALESCE(s.turn_settings ->> 'taskKind', 'develop') IN (SELECT value FROM json_each(@taskKinds))"] : []),
    ...(lanes ? ["j.lane IN (SELECT value FROM json_each(@lanes))"] : []),
    ...(repoId === undefined ? [] : ["j.repo_id = @repoId"]),
    ...(backend === undefined ? [] : ["j.backend = @backend"]),
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
    before: before ?? 0,
    limit,
  });
  return rows.map(jobView);
}
