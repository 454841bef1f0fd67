import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { ATTEMPT_LIVES, leaseLost } from "../fence.ts";

// What a verify job sees counts for the job whose change it verifies: the two are one change.
const ALIVE = `
  SELECT coalesce((SELECT c.job FROM completions c WHERE c.id = jobs.completion_id), number) AS number, repo_id AS repoId
  FROM jobs WHERE id = @jobId AND ${ATTEMPT_LIVES}`;

// What is known stays; it may have been found before anybody asked for the coverage.
const ADD = `
  INSERT INTO gate_baselines (repo_id, tree, gate, command, setup_digest, image, environment_digest, exit_code, failure_digest, duration_ms, coverage, created_at)
  VALUES (@repoId, @tree, @gate, @command, @setupDigest, @image, @environmentDigest, @exitCode, @failureDigest, @durationMs, @coverage, ${NOW})
  ON CONFLICT DO UPDATE SET coverage = coalesce(coverage, excluded.coverage)`;

const ADD_FLAKE = `
  INSERT OR IGNORE INTO gate_flakes (repo_id, gate, failure_digest, job, excerpt, created_at)
  VALUES (@repoId, @gate, @failureDigest, @number, @excerpt, ${NOW})`;

export function recordBaselines(db: Database, ...[jobId, fence, baselines]: Parameters<Store["recordBaselines"]>): void {
  const { repoId } = living(db, jobId, fence);
  for (const { coverage, ...baseline } of baselines) db.run(ADD, { ...baseline, coverage: coverage ? JSON.stringify(coverage) : null, repoId });
}

export function recordFlake(db: Database, ...[jobId, fence, flake]: Parameters<Store["recordFlake"]>): void {
  db.run(ADD_FLAKE, { ...flake, ...living(db, jobId, fence) });
}

/** Operations are transactions, so that what is read here still holds when the row is written. */
function living(db: Database, jobId: string, fence: number): { number: number; repoId: string } {
  const job = db.get<{ number: number; repoId: string }>(ALIVE, { jobId, fence });
  if (!job) throw leaseLost(jobId, fence);
  return job;
}
