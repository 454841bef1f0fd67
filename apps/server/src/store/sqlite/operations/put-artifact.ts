import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { ATTEMPT_LIVES, leaseLost } from "../fence.ts";

const PUT = `
  INSERT INTO artifacts (job, fence, name, bytes, sha256, created_at)
  SELECT number, fence, @name, @bytes, @sha256, ${NOW} FROM jobs WHERE id = @jobId AND ${ATTEMPT_LIVES}
  ON CONFLICT (job, fence, name) DO UPDATE SET bytes = excluded.bytes, sha256 = excluded.sha256, created_at = excluded.created_at`;

export function putArtifact(db: Database, ...[jobId, fence, artifact]: Parameters<Store["putArtifact"]>): void {
  const { name, bytes, sha256 } = artifact;
  if (db.run(PUT, { jobId, fence, name, bytes, sha256 }) === 0) throw leaseLost(jobId, fence);
}
