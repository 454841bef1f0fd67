import { isFinal } from "@slipway/protocol/states";
import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { requireJob } from "../job-view.ts";
import { type EventTable, eventOf, unpackRows } from "../segments.ts";

/** A page holds no more than this many events and about this much text, whatever the caller asks for; at least one event where there is one. */
const PAGE_LIMIT_EVENTS = 5_000;
const PAGE_LIMIT_BYTES = 4 * 1_048_576;

const ROWS = "SELECT seq, fence, at, kind, data FROM events WHERE job = @job AND seq > @after ORDER BY seq LIMIT @limit";
const NEXT_SEGMENT = "SELECT packed, last_seq FROM event_segments WHERE job = @job AND last_seq > @after ORDER BY last_seq LIMIT 1";

/** Packed events come before those in rows, so a page is read from both in this order. */
export function readEvents(db: Database, jobId: string, after: number, limit: number): Awaited<ReturnType<Store["readEvents"]>> {
  const job = requireJob(db, jobId);
  const page = new Page(Math.min(limit, PAGE_LIMIT_EVENTS));
  for (let cursor = after; !page.full && cursor < job.packed_seq; ) {
    const segment = db.get<{ packed: Buffer; last_seq: number }>(NEXT_SEGMENT, { job: job.number, after: cursor });
    if (!segment) break;
    page.add(unpackRows(segment.packed).filter((row) => row.seq > after));
    cursor = segment.last_seq;
  }
  if (!page.full) page.add(db.all<EventTable>(ROWS, { job: job.number, after, limit: page.left }));
  const gapTo = after < job.dropped_seq ? job.dropped_seq : null;
  return { events: page.rows.map((row) => eventOf(jobId, row)), gapTo, lastSeq: job.last_seq, final: isFinal(job.state) };
}

/** Takes rows until it is full. */
class Page {
  readonly rows: EventTable[] = [];
  left: number;
  #bytes = 0;

  constructor(limit: number) {
    this.left = limit;
  }

  get full(): boolean {
    return this.left <= 0 || this.#bytes >= PAGE_LIMIT_BYTES;
  }

  add(rows: EventTable[]): void {
    for (const row of rows) {
      if (this.full) return;
      this.rows.push(row);
      this.left -= 1;
      this.#bytes += row.data.length;
    }
  }
}
