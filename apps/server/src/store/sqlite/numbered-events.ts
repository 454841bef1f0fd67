import type { EventBody, JobEvent } from "@slipway/protocol/events";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";

// The number comes from the job's own row, in the transaction that stores the event: no gaps, and none twice.
const TAKE_NUMBER = `UPDATE jobs SET last_seq = last_seq + 1, updated_at = ${NOW} WHERE number = @number RETURNING id, last_seq, updated_at`;

export const INSERT_EVENT = "INSERT INTO events (job, seq, fence, at, kind, data) VALUES (@job, @seq, @fence, @at, @kind, @data)";

/** Stores an event of the server's own under the job's next number, at the database's time. */
export function addNumberedEvent(db: Database, number: number, fence: number | null, body: EventBody): JobEvent {
  const taken = db.get<{ id: string; last_seq: number; updated_at: number }>(TAKE_NUMBER, { number });
  if (!taken) throw new Error(`no job ${number} to add an event to`);
  db.run(INSERT_EVENT, { job: number, seq: taken.last_seq, fence, at: taken.updated_at, kind: body.kind, data: JSON.stringify(body.data) });
  return { jobId: taken.id, seq: taken.last_seq, fence, at: taken.updated_at, ...body };
}
