import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const LIVE = `SELECT id AS jobId, fence FROM jobs WHERE worker_id = @workerId AND state = 'running' AND lease_until > ${NOW} ORDER BY number`;

export function liveLeases(db: Database, workerId: string): Array<{ jobId: string; fence: number }> {
  return db.all(LIVE, { workerId });
}
