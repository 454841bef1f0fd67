import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { ATTEMPT_LIVES, leaseLost } from "../fence.ts";

const RENEW = `UPDATE jobs SET lease_until = ${NOW} + @leaseTtlMs WHERE id = @jobId AND worker_id = @workerId AND ${ATTEMPT_LIVES}`;

export function renew(db: Database, jobId: string, fence: number, workerId: string, leaseTtlMs: number): void {
  if (db.run(RENEW, { jobId, fence, workerId, leaseTtlMs }) === 0) throw leaseLost(jobId, fence);
}
