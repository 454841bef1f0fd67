import type { EventFrame } from "@slipway/protocol/events";
import type { Store } from "../store/store.ts";
import type { EventBus } from "./event-bus.ts";

/** Events read from the store at once, for one reader: what a reader holds in memory. A log event is 16 KiB at most. */
const PAGE_EVENTS = 100;

/**
 * The frames of a job from the event after `after` on: what is stored, then what comes, a gap frame where events are no longer kept, and an end frame
 * after the last event of a final job. Nothing is read ahead of the consumer by more than a page. Ends early, without an end frame, on abort.
 */
export async function* eventFrames(
  plane: { store: Store; events: EventBus },
  jobId: string,
  after: number,
  signals: readonly AbortSignal[],
): AsyncGenerator<EventFrame> {
  // Watches before the first read, so that nothing falls between the two.
  using bell = plane.events.watch(jobId);
  let cursor = after;
  while (!signals.some((signal) => signal.aborted)) {
    const page = await plane.store.readEvents(jobId, cursor, PAGE_EVENTS);
    if (page.gapTo !== null && page.gapTo > cursor) {
      yield { type: "gap", fromSeq: cursor + 1, nextSeq: page.gapTo + 1 };
      cursor = page.gapTo;
    }
    for (const event of page.events) {
      yield { type: "event", event };
      cursor = event.seq;
    }
    if (page.final && cursor >= page.lastSeq) {
      yield { type: "end", lastSeq: page.lastSeq };
      return;
    }
    if (page.events.length === 0) await bell.heard(signals);
  }
}
