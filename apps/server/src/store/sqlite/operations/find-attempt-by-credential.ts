import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const LIVE = `
  SELECT j.id AS jobId, j.fence, j.repo_id AS repoId, j.kind FROM attempts a JOIN jobs j ON j.number = a.job AND j.fence = a.fence
  WHERE a.credential_sha256 = @sha256 AND j.state = 'running' AND j.lease_until > ${NOW}`;

export function findAttemptByCredential(db: Database, sha256: string): Awaited<ReturnType<Store["findAttemptByCredential"]>> {
  return db.get(LIVE, { sha256 });
}
