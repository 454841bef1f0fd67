import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

// The condition stands in the statement that writes, so that a job which is not to lose anything loses nothing.
const DROP = `
  UPDATE jobs SET dropped_seq = last_seq, packed_seq = last_seq WHERE id = @id AND ended_at <= ${NOW} - @retentionMs RETURNING number`;

const REMOVE = ["DELETE FROM events WHERE job = @number", "DELETE FROM event_segments WHERE job = @number", "DELETE FROM artifacts WHERE job = @number"];

/** False where the job is not that old. */
export function dropJobData(db: Database, id: string, retentionMs: number): boolean {
  const dropped = db.get<{ number: number }>(DROP, { id, retentionMs });
  for (const statement of dropped ? REMOVE : []) db.run(statement, { number: dropped?.number ?? 0 });
  return dropped !== undefined;
}
