import type { Database } from "../database.ts";
import { type EventTable, packRows } from "../segments.ts";

/** Enough to compress well, little enough that the calls which wait meanwhile do not notice. */
const SEGMENT_LIMIT_EVENTS = 1_000;
const SEGMENT_LIMIT_BYTES = 1_048_576;

const NEXT_JOB = `
  SELECT number, packed_seq, last_seq FROM jobs INDEXED BY jobs_unpacked WHERE ended_at IS NOT NULL AND packed_seq < last_seq ORDER BY ended_at, number LIMIT 1`;

// The running sum is over the rows before, so that one large event still makes a segment of its own.
const ROWS = `
  SELECT seq, fence, at, kind, data FROM (
    SELECT *, sum(length(data)) OVER (ORDER BY seq) - length(data) AS bytes_before
    FROM (SELECT * FROM events WHERE job = @job AND seq > @after ORDER BY seq LIMIT ${SEGMENT_LIMIT_EVENTS})
  ) WHERE bytes_before < ${SEGMENT_LIMIT_BYTES} ORDER BY seq`;

const ADD = "INSERT INTO event_segments (job, first_seq, last_seq, packed) VALUES (@job, @firstSeq, @lastSeq, @packed)";
const REMOVE = "DELETE FROM events WHERE job = @job AND seq BETWEEN @firstSeq AND @lastSeq";
const ADVANCE = "UPDATE jobs SET packed_seq = @lastSeq WHERE number = @job";

/** Packs one segment of the final job that waits longest: the segment in, its rows out. `jobDone` where that was the job's last; null: nothing to pack. */
export function packSegment(db: Database): { jobDone: boolean } | null {
  const job = db.get<{ number: number; packed_seq: number; last_seq: number }>(NEXT_JOB);
  if (!job) return null;
  const rows = db.all<EventTable>(ROWS, { job: job.number, after: job.packed_seq });
  const [first, last] = [rows.at(0), rows.at(-1)];
  if (!first || !last) throw new Error(`job ${job.number} lacks events after ${job.packed_seq}`);
  db.run(ADD, { job: job.number, firstSeq: first.seq, lastSeq: last.seq, packed: packRows(rows) });
  db.run(REMOVE, { job: job.number, firstSeq: first.seq, lastSeq: last.seq });
  db.run(ADVANCE, { job: job.number, lastSeq: last.seq });
  return { jobDone: last.seq === job.last_seq };
}
