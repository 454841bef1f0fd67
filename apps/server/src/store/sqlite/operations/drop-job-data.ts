import { CALL_COLUMNS, type CallRow, chargeCall } from "../charge-call.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

// The condition stands in the statement that writes, so that a job which is not to lose anything loses nothing.
const DROP = `
  UPDATE jobs SET dropped_seq = last_seq, packed_seq = last_seq WHERE id = @id AND ended_at <= ${NOW} - @retentionMs RETURNING number`;

// Attempts and job keep the sums of the calls, so none may go that is not in them.
const OPEN_CALLS = `
  SELECT ${CALL_COLUMNS} FROM model_calls c INDEXED BY model_calls_open JOIN jobs j ON j.number = c.job WHERE c.job = @number AND c.state = 'open' AND c.ahead = 0`;

const REMOVE = [
  "DELETE FROM events WHERE job = @number",
  "DELETE FROM event_segments WHERE job = @number",
  "DELETE FROM artifacts WHERE job = @number",
  "DELETE FROM job_images WHERE job = @number",
  "DELETE FROM critic_opinions WHERE job = @number",
  "DELETE FROM model_calls WHERE job = @number",
];

/** False where the job is not that old. */
export function dropJobData(db: Database, id: string, retentionMs: number): boolean {
  const dropped = db.get<{ number: number }>(DROP, { id, retentionMs });
  if (!dropped) return false;
  const { number } = dropped;
  for (const call of db.all<CallRow>(OPEN_CALLS, { number })) chargeCall(db, call);
  for (const statement of REMOVE) db.run(statement, { number });
  return true;
}
