import type { JobKind } from "@slipway/protocol/job";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import type { Store } from "../../store.ts";
import { openCircuits, startCanary } from "../circuits.ts";
import { NOW } from "../clock.ts";
import { closedDays } from "../closed-days.ts";
import type { Database } from "../database.ts";
import { dueAt } from "../due-at.ts";
import { type JobViewRow, jobView, jobViewWith } from "../job-view.ts";
import { recordMove } from "../moves.ts";

type Claimed = Awaited<ReturnType<Store["claim"]>>;

const READY = `(run_after IS NULL OR run_after <= ${NOW})
      AND (requires = '[]' OR NOT EXISTS (SELECT 1 FROM json_each(requires) r WHERE r.value NOT IN (SELECT value FROM json_each(@capabilities))))`;

/** The agent is there, as far as the worker has said, or the job names a program of its own. */
const HAS_AGENT = `(@absentAgents = '{}' OR NOT EXISTS (
        SELECT 1 FROM json_each(@absentAgents) a WHERE a.key = backend
          AND (a.value = '' OR (SELECT json_extract(backend_config, '$."' || a.value || '"') FROM job_specs WHERE job = number) IS NULL)
      ))`;

/** The day has room for it, as far as the calls of jobs like it have shown. What is replayed takes nothing of the day. */
const HAS_DAY = `(@closed = '[]' OR NOT EXISTS (
        SELECT 1 FROM json_each(@closed) c JOIN job_specs s ON s.job = number
        WHERE c.value ->> '$.backend' = backend AND COALESCE(c.value ->> '$.repoId', repo_id) = repo_id
          AND (c.value ->> '$.model' IS NULL OR c.value ->> '$.model' = COALESCE(s.backend_config ->> '$.model', '')) AND s.cassette ->> '$.replay' IS NULL
      ))`;

/**
 * One conditional statement takes the job. It looks at one candidate a repository, the first in its own partial index, and takes the best of
 * them: so neither the finished jobs nor the queue of a repository at its limit are walked. Verify jobs stand before all others and outside
 * of the repository's limit, or the jobs that wait for them could keep them from ever running. INDEXED BY, because left to itself the planner
 * reads all queued jobs through the index by state: over 5 ms a claim with 100,000 queued jobs, against 0.6 ms for claim and finish together.
 */
const TAKE = `
  WITH candidates (candidate) AS (
    SELECT (
      SELECT number FROM jobs INDEXED BY jobs_claimable_verifications
      WHERE state = 'queued' AND unmet = 0 AND kind = 'verify' AND ${READY} ORDER BY claim_rank, number LIMIT 1
    ) WHERE @takesVerify
    UNION ALL
    SELECT (
      SELECT number FROM jobs INDEXED BY jobs_claimable_tasks
      WHERE state = 'queued' AND unmet = 0 AND kind = 'task' AND repo_id = repositories.id AND ${READY} AND ${HAS_AGENT} AND ${HAS_DAY}
      ORDER BY claim_rank, number LIMIT 1
    )
    FROM repositories
    WHERE @takesTasks
      AND max_running > (SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE state = 'running' AND kind = 'task' AND repo_id = repositories.id)
  )
  UPDATE jobs
  SET state = 'running', fence = fence + 1, attempts = attempts + 1, lease_until = ${NOW} + @leaseTtlMs, worker_id = @workerId,
    failure = NULL, updated_at = ${NOW}, due_at = ${dueAt()}
  WHERE state = 'queued'
    AND NOT EXISTS (SELECT 1 FROM workers WHERE id = @workerId AND draining = 1)
    AND number = (SELECT number FROM candidates JOIN jobs ON number = candidate ORDER BY claim_rank, number LIMIT 1)
  RETURNING number, fence, kind`;

/** A worker that has a backend says so in its capabilities. */
const BACKEND = "backend:";

const ADD_ATTEMPT = `
  INSERT INTO attempts (job, fence, claim_id, worker_id, worker_name, sandbox, credential_sha256, model_token_sha256, metered, started_at, backend, image)
  SELECT number, @fence, @claimId, @workerId, COALESCE((SELECT name FROM workers WHERE id = @workerId), @workerId),
    COALESCE((SELECT sandbox FROM workers WHERE id = @workerId), 'bwrap'), @credentialSha256,
    CASE kind WHEN 'task' THEN @modelTokenSha256 END, backend IN (SELECT value FROM json_each(@meteredBackends)), ${NOW},
    backend, CASE kind WHEN 'task' THEN COALESCE((SELECT value FROM json_each(@images) WHERE key = backend), '') ELSE '' END
  FROM jobs WHERE number = @number
  RETURNING sandbox, backend, image`;

export function claim(db: Database, ...[request]: Parameters<Store["claim"]>): Claimed {
  const { claimId, workerId, leaseTtlMs, credentialSha256, modelTokenSha256 } = request;
  const known = db.get<{ number: number; fence: number }>("SELECT job AS number, fence FROM attempts WHERE claim_id = @claimId", { claimId });
  if (known) return readAgain(db, known.number, known.fence, request);
  // What is shut is not had: a worker without the backend takes none of its jobs either.
  const { shut, due } = openCircuits(db, request.images ?? {});
  const taken = db.get<{ number: number; fence: number; kind: JobKind }>(TAKE, {
    workerId,
    leaseTtlMs,
    capabilities: JSON.stringify(request.capabilities.filter((name) => !name.startsWith(BACKEND) || !shut.has(name.slice(BACKEND.length)))),
    absentAgents: JSON.stringify(request.absentAgents ?? {}),
    closed: JSON.stringify(closedDays(db, request.dayBudget ?? {}, request.meteredBackends)),
    takesTasks: request.kinds.includes("task") ? 1 : 0,
    takesVerify: request.kinds.includes("verify") ? 1 : 0,
    to: "running",
    ...db.stateLimits,
  });
  if (!taken) return null;
  const { number, fence, kind } = taken;
  const meteredBackends = JSON.stringify(request.meteredBackends);
  const images = JSON.stringify(request.images ?? {});
  const attempt = { number, fence, claimId, workerId, credentialSha256, modelTokenSha256, meteredBackends, images };
  const { sandbox, backend, image } = db.get<{ sandbox: SandboxKind; backend: string; image: string }>(ADD_ATTEMPT, attempt) ?? {};
  if (kind === "task" && backend !== undefined && image !== undefined && due.has(backend)) startCanary(db, { job: number, fence, backend, image });
  recordMove(db, { number, kind, fence, from: "queued", on: "claim", reason: `attempt ${fence} started`, workerId, ...(sandbox && { sandbox }) });
  return describe(db, number, fence, false);
}

const STILL_LIVE = `SELECT 1 FROM jobs WHERE number = @number AND fence = @fence AND worker_id = @workerId AND state = 'running' AND lease_until > ${NOW}`;

/**
 * A request that comes twice because its answer got lost reads the claim that it made. Where that lease is over it gets nothing: a late
 * duplicate must not take a job that nobody waits for. The credential stays that of the first answer: it may be in use by now.
 */
function readAgain(db: Database, number: number, fence: number, request: Parameters<Store["claim"]>[0]): Claimed {
  if (!db.get(STILL_LIVE, { number, fence, workerId: request.workerId })) return null;
  return describe(db, number, fence, true);
}

const CLAIMED = `${jobViewWith(`j.lease_until - ${NOW} AS ttl_ms, s.verify`)} WHERE j.number = @number`;

function describe(db: Database, number: number, fence: number, again: boolean): Claimed {
  const row = db.get<JobViewRow & { ttl_ms: number; verify: string | null }>(CLAIMED, { number });
  if (!row) throw new Error(`job ${number} has no spec`);
  return { job: jobView(row), fence, ttlMs: row.ttl_ms, verify: row.verify === null ? null : JSON.parse(row.verify), again };
}
