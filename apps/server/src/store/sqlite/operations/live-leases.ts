import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

// An attempt ends in the kind of sandbox that it began in: one that a worker began in another is left to run out.
const LIVE = `
  SELECT j.id AS jobId, j.fence FROM jobs j JOIN attempts a ON a.job = j.number AND a.fence = j.fence
  WHERE j.worker_id = @workerId AND j.state = 'running' AND j.lease_until > ${NOW}
    AND a.sandbox = COALESCE((SELECT sandbox FROM workers WHERE id = @workerId), 'bwrap')
  ORDER BY j.number`;

export function liveLeases(db: Database, workerId: string): Array<{ jobId: string; fence: number }> {
  return db.all(LIVE, { workerId });
}
