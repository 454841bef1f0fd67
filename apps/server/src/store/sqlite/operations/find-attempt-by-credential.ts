import type { JobKind } from "@slipway/protocol/job";
import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const LIVE = `
  SELECT j.id AS jobId, j.fence, j.repo_id AS repoId, j.kind,
    (COALESCE(s.turn_settings ->> '$.taskSpec.review.from', '') = 'jobs' OR s.turn_settings ->> '$.continues.work.oid' IS NOT NULL) AS readsJobs
  FROM attempts a JOIN jobs j ON j.number = a.job AND j.fence = a.fence JOIN job_specs s ON s.job = j.number
  WHERE a.credential_sha256 = @sha256 AND j.state = 'running' AND j.lease_until > ${NOW}`;

export function findAttemptByCredential(db: Database, sha256: string): Awaited<ReturnType<Store["findAttemptByCredential"]>> {
  const row = db.get<{ jobId: string; fence: number; repoId: string; kind: JobKind; readsJobs: number }>(LIVE, { sha256 });
  return row && { ...row, readsJobs: row.readsJobs === 1 };
}
