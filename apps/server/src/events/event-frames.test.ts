import type { EventFrame, JobEvent } from "@slipway/protocol/events";
import { expect, test } from "vitest";
import type { Store } from "../store/store.ts";
import { EventBus } from "./event-bus.ts";
import { eventFrames } from "./event-frames.ts";

/** A store of one job's events; the first of them may be gone. */
function storeOf(first: number) {
  const events: JobEvent[] = [];
  const state = { final: false, reads: 0 };
  const add = (): void => {
    const seq = (events.at(-1)?.seq ?? first - 1) + 1;
    events.push({ jobId: "j", seq, fence: null, at: 0, kind: "notice", data: { level: "info", text: String(seq) } });
  };
  const readEvents: Store["readEvents"] = async (_jobId, after, limit) => {
    state.reads += 1;
    const gapTo = after < first - 1 ? first - 1 : null;
    const page = events.filter(({ seq }) => seq > (gapTo ?? after)).slice(0, limit);
    return { events: page, gapTo, lastSeq: events.at(-1)?.seq ?? 0, final: state.final };
  };
  return { store: { readEvents } as Store, add, state };
}

test("what is no longer kept is told before what is", async () => {
  const { store, add, state } = storeOf(4);
  add();
  add();
  state.final = true;
  const frames = await collect(eventFrames({ store, events: new EventBus() }, "j", 1, []));
  expect(frames).toMatchObject([
    { type: "gap", fromSeq: 2, nextSeq: 4 },
    { type: "event", event: { seq: 4 } },
    { type: "event", event: { seq: 5 } },
    { type: "end", lastSeq: 5 },
  ]);
});

test("a change between two reads is not missed, and a quiet job is not read", async () => {
  const { store, add, state } = storeOf(1);
  const events = new EventBus();
  const frames = eventFrames({ store, events }, "j", 0, []);
  const first = frames.next();
  add();
  events.changed("j", "events");
  expect((await first).value).toMatchObject({ event: { seq: 1 } });
  const second = frames.next();
  await new Promise(setImmediate);
  const { reads } = state;
  await new Promise(setImmediate);
  expect(state.reads).toBe(reads);
  add();
  events.changed("j", "events");
  expect((await second).value).toMatchObject({ event: { seq: 2 } });
  await frames.return(undefined);
  expect(events.watchedJobs).toBe(0);
});

test("it ends without an end frame when the reader leaves", async () => {
  const { store } = storeOf(1);
  const events = new EventBus();
  const gone = new AbortController();
  const frames = collect(eventFrames({ store, events }, "j", 0, [gone.signal]));
  gone.abort();
  expect(await frames).toEqual([]);
  expect(events.watchedJobs).toBe(0);
});

async function collect(frames: AsyncIterable<EventFrame>): Promise<EventFrame[]> {
  const all: EventFrame[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}
