import type { JobEvent } from "@slipway/protocol/events";
import type { Store } from "../store/store.ts";

/** Of a job that flooded its log so much is read: enough for every event but its log's. */
const EVENT_LIMIT = 200_000;
const PAGE = 5_000;

/** What a job's events tell; `isPartial` where some are no longer kept, were dropped, or are too many. */
export interface KeptEvents {
  readonly events: readonly JobEvent[];
  readonly isPartial: boolean;
}

/** The events of a job but its log and its agent's bare file changes, which are many and say nothing that is counted. */
export async function readAllEvents(store: Pick<Store, "readEvents">, jobId: string): Promise<KeptEvents> {
  const kept: JobEvent[] = [];
  let [after, read, isPartial] = [0, 0, false];
  for (;;) {
    const page = await store.readEvents(jobId, after, PAGE);
    if (page.gapTo !== null) isPartial = true;
    for (const event of page.events) {
      if (event.kind === "gap") isPartial = true;
      if (event.kind !== "log" && event.kind !== "file-change") kept.push(event);
    }
    read += page.events.length;
    after = Math.max(page.events.at(-1)?.seq ?? page.lastSeq, page.gapTo ?? 0);
    if (after >= page.lastSeq) return { events: kept, isPartial };
    if (read >= EVENT_LIMIT) return { events: kept, isPartial: true };
  }
}
