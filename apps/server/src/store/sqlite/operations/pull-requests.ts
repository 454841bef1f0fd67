import type { PullRequestFound, WatchedPullRequest } from "../../deliveries.ts";
import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { insertJob } from "../insert-job.ts";
import { readJobView, requireJob } from "../job-view.ts";

const KEEP = `
  INSERT INTO pull_requests (job, number, url, state, head_oid, etag, seen, opened_at, look_at)
  VALUES (@job, @number, @url, @state, @headOid, @etag, '[]', ${NOW}, ${NOW} + @lookInMs)
  ON CONFLICT (job) DO UPDATE SET number = @number, url = @url, state = @state, head_oid = @headOid, etag = @etag, look_at = ${NOW} + @lookInMs`;

/** Keeps what was found of the pull request of the branch that was made for this job. */
export function keepFound(db: Database, job: number, found: PullRequestFound): void {
  db.run(KEEP, { job, ...found });
}

interface Row {
  job_id: string;
  job: number;
  repo_id: string;
  number: number;
  url: string;
  state: WatchedPullRequest["state"];
  branch: string;
  head_oid: string;
  etag: string | null;
  seen: string;
  revisions: number;
  opened_at: number;
  plan: string;
  is_busy: number;
}

// A job that revises it, and everything that its branch has on the way.
const VIEW = `
  SELECT p.*, j.id AS job_id, d.repo_id, d.branch, d.plan,
    EXISTS (SELECT 1 FROM revisions v JOIN jobs r ON r.number = v.job WHERE v.of_job = p.job AND r.state IN ('queued', 'running', 'integrating', 'blocked')) AS is_busy
  FROM pull_requests p JOIN jobs j ON j.number = p.job JOIN deliveries d ON d.job = p.job`;

function watched(row: Row): WatchedPullRequest {
  return {
    jobId: row.job_id,
    job: row.job,
    repoId: row.repo_id,
    number: row.number,
    url: row.url,
    state: row.state,
    branch: row.branch,
    headOid: row.head_oid,
    etag: row.etag,
    seen: JSON.parse(row.seen),
    revisions: row.revisions,
    openedAt: row.opened_at,
    plan: JSON.parse(row.plan),
    isBusy: row.is_busy === 1,
  };
}

export function duePullRequests(db: Database, limit: number): WatchedPullRequest[] {
  return db.all<Row>(`${VIEW} WHERE p.look_at IS NOT NULL AND p.look_at <= ${NOW} ORDER BY p.look_at LIMIT @limit`, { limit }).map(watched);
}

// By any job of its branch.
const OF_JOB = `${VIEW} WHERE p.job = (SELECT of_job FROM deliveries WHERE job = @number)`;

export function pullRequestOf(db: Database, jobId: string): WatchedPullRequest | undefined {
  const row = db.get<Row>(OF_JOB, { number: requireJob(db, jobId).number });
  return row && watched(row);
}

export function keepPullRequest(db: Database, jobId: string, found: PullRequestFound): Awaited<ReturnType<Store["keepPullRequest"]>> {
  const { number } = requireJob(db, jobId);
  keepFound(db, number, found);
  return readJobView(db, number);
}

const POSTPONE = `UPDATE pull_requests SET look_at = ${NOW} + @inMs WHERE job = @number AND look_at IS NOT NULL`;

export function postponeLook(db: Database, jobId: string, inMs: number): void {
  db.run(POSTPONE, { number: requireJob(db, jobId).number, inMs });
}

/** Keys that are kept of a pull request; of older ones nothing is asked any more. */
const SEEN_LIMIT = 500;

export function addSeen(db: Database, jobId: string, keys: readonly string[]): void {
  const { number } = requireJob(db, jobId);
  const before = db.get<{ seen: string }>("SELECT seen FROM pull_requests WHERE job = @number", { number });
  if (!before) return;
  const seen = [...new Set([...(JSON.parse(before.seen) as string[]), ...keys])].slice(-SEEN_LIMIT);
  db.run("UPDATE pull_requests SET seen = @seen WHERE job = @number", { number, seen: JSON.stringify(seen) });
}

const NEWEST = "SELECT max(job) AS job FROM deliveries WHERE of_job = @number AND state = 'delivered'";

export function newestDelivered(db: Database, jobId: string): number | null {
  return db.get<{ job: number | null }>(NEWEST, { number: requireJob(db, jobId).number })?.job ?? null;
}

// The count that was seen is the condition: two looks at once start one revision.
const COUNT = "UPDATE pull_requests SET revisions = revisions + 1 WHERE job = @job AND revisions = @revisions AND state IN ('open', 'draft')";

export function startRevision(db: Database, ...[jobId, revisions, seen, job]: Parameters<Store["startRevision"]>): Awaited<ReturnType<Store["startRevision"]>> {
  const { number: ofJob } = requireJob(db, jobId);
  if (db.run(COUNT, { job: ofJob, revisions }) === 0) return null;
  addSeen(db, jobId, seen);
  const number = insertJob(db, job, null);
  return readJobView(db, number);
}
