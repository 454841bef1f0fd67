import type { JobView } from "@slipway/protocol/job";
import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { type JobViewRow, jobView } from "../job-view.ts";
import { queryBuilder } from "../query-builder.ts";

export function listJobs(db: Database, ...[filter]: Parameters<Store["listJobs"]>): JobView[] {
  const { states, kinds, lanes, repoId, before } = filter;
  const query = queryBuilder
    .selectFrom("jobs as j")
    .innerJoin("job_specs as s", "s.job", "j.number")
    .innerJoin("repositories as r", "r.id", "j.repo_id")
    .selectAll("j")
    .select(["s.task", "s.title", "s.backend_config", "s.depends_on", "r.name as repo_name"])
    .$if(states !== undefined, (q) => q.where("j.state", "in", states ?? []))
    .$if(kinds !== undefined, (q) => q.where("j.kind", "in", kinds ?? []))
    .$if(lanes !== undefined, (q) => q.where("j.lane", "in", lanes ?? []))
    .$if(repoId !== undefined, (q) => q.where("j.repo_id", "=", repoId ?? ""))
    .$if(before !== undefined, (q) => q.where("j.number", "<", before ?? 0))
    .orderBy("j.number", "desc")
    .limit(filter.limit)
    .compile();
  const rows = db.connection.prepare(query.sql).all(...query.parameters) as JobViewRow[];
  return rows.map(jobView);
}
