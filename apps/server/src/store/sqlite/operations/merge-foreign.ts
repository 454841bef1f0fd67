import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { insertJob } from "../insert-job.ts";
import { readJobView } from "../job-view.ts";
import { moveJob } from "../moves.ts";

// Commits that were tried once, and did not fit or were cancelled, are a person's to decide over.
const KNOWN = `
  SELECT job AS number FROM completions WHERE repo_id = @repoId AND target = @target AND oid = @oid AND foreign_sandbox IS NOT NULL ORDER BY seq DESC LIMIT 1`;

const NAME_RESULT = "UPDATE jobs SET result_oid = @oid WHERE number = @number";

// It is verified in what the hub's own commits, which the address does not have, were made in.
const ADD_COMPLETION = `
  INSERT INTO completions (id, job, repo_id, oid, base_oid, target, state, created_at, foreign_sandbox)
  SELECT @completionId, number, repo_id, result_oid, base_oid, target, 'pending', ${NOW}, COALESCE(
    (SELECT a.sandbox FROM attempts a JOIN jobs j ON j.number = a.job WHERE j.repo_id = jobs.repo_id AND a.outcome = 'change' ORDER BY a.job DESC LIMIT 1),
    'bwrap'
  )
  FROM jobs WHERE number = @number`;

/** `completionId`: of the completion that is made. It comes from the proxy, as that of `finish` does. */
export function mergeForeign(
  db: Database,
  ...[oid, job, { completionId }]: [...Parameters<Store["mergeForeign"]>, { completionId: string }]
): Awaited<ReturnType<Store["mergeForeign"]>> {
  const { repoId, target } = job;
  const known = db.get<{ number: number }>(KNOWN, { repoId, target, oid });
  if (known) return { job: readJobView(db, known.number), created: false };
  const number = insertJob(db, job, null);
  db.run(NAME_RESULT, { number, oid });
  const reason = `others pushed ${oid} to the repository's address, and the hub's ${target} has commits of its own`;
  if (!moveJob(db, { number, kind: "task", fence: null, from: "queued", on: "accept", reason }, null))
    throw new Error("a job that was just made was not queued");
  db.run(ADD_COMPLETION, { completionId, number });
  return { job: readJobView(db, number), created: true };
}

export function findForeign(db: Database, ...[repoId, target, oid]: Parameters<Store["findForeign"]>): Awaited<ReturnType<Store["findForeign"]>> {
  const known = db.get<{ number: number }>(KNOWN, { repoId, target, oid });
  return known && readJobView(db, known.number);
}
