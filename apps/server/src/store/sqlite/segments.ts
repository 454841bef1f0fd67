import { gunzipSync, gzipSync } from "node:zlib";
import type { JobEvent } from "@slipway/protocol/events";

/** A row of `events`. */
export interface EventTable {
  seq: number;
  fence: number | null;
  at: number;
  kind: string;
  data: string;
}

export function eventOf(jobId: string, row: EventTable): JobEvent {
  return { jobId, seq: row.seq, fence: row.fence, at: row.at, kind: row.kind, data: JSON.parse(row.data) } as JobEvent;
}

/** A segment is gzipped JSON lines, one an event; `data` stays the text that was stored. */
export function packRows(rows: EventTable[]): Buffer {
  return gzipSync(rows.map(({ seq, fence, at, kind, data }) => JSON.stringify({ seq, fence, at, kind, data })).join("\n"));
}

export function unpackRows(packed: Buffer): EventTable[] {
  return gunzipSync(packed)
    .toString()
    .split("\n")
    .map((line) => JSON.parse(line) as EventTable);
}
