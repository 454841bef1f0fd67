import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const JOBS = `UPDATE jobs SET lease_until = ${NOW} + @leaseTtlMs WHERE state = 'running'`;
const COMPLETIONS = `UPDATE completions SET lease_until = ${NOW} + @leaseTtlMs WHERE state = 'pending' AND lease_until IS NOT NULL`;

/** Not the later of the two times: after a clock jump the stored one may lie far in the future. */
export function graceLeases(db: Database, leaseTtlMs: number): number {
  return db.run(JOBS, { leaseTtlMs }) + db.run(COMPLETIONS, { leaseTtlMs });
}
