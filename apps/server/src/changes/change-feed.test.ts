import { CHANGES_INTERVAL_MS, type ChangeFrame } from "@slipway/protocol/changes";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ChangeFeed } from "./change-feed.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function reader(feed: ChangeFeed, cursor?: string): { frames: ChangeFrame[]; stop: () => void } {
  const frames: ChangeFrame[] = [];
  return { frames, stop: feed.listen(cursor, (frame) => frames.push(frame)) };
}

test("what changes within the interval is one notice", () => {
  const feed = new ChangeFeed();
  const { frames } = reader(feed);
  feed.job("a", "events");
  feed.job("b", "state");
  feed.job("a", "events");
  feed.topic("workers");
  expect(frames).toMatchObject([{ type: "hello", resumed: false }]);
  vi.advanceTimersByTime(CHANGES_INTERVAL_MS);
  expect(frames.slice(1)).toMatchObject([{ type: "changes", jobs: ["a", "b"], states: ["b"], topics: ["workers"] }]);
  vi.advanceTimersByTime(10 * CHANGES_INTERVAL_MS);
  expect(frames).toHaveLength(2);
});

test("a reader that comes back gets what it missed, and nothing twice", () => {
  const feed = new ChangeFeed();
  const first = reader(feed);
  feed.job("a", "state");
  vi.advanceTimersByTime(CHANGES_INTERVAL_MS);
  first.stop();
  const cursor = first.frames.at(-1)?.cursor;
  feed.job("b", "state");
  vi.advanceTimersByTime(CHANGES_INTERVAL_MS);
  // Still being gathered when the reader comes.
  feed.job("c", "state");
  const second = reader(feed, cursor);
  expect(second.frames).toMatchObject([
    { type: "hello", resumed: true },
    { type: "changes", jobs: ["b"] },
    { type: "changes", jobs: ["c"] },
  ]);
  expect(reader(feed, second.frames.at(-1)?.cursor).frames).toMatchObject([{ type: "hello", resumed: true }]);
  expect(first.frames).toHaveLength(2);
});

test("a cursor of another server's life, too old a one, or none, begins anew", () => {
  const feed = new ChangeFeed();
  const { frames } = reader(feed);
  for (let round = 0; round < 1_001; round += 1) {
    feed.job(String(round), "events");
    vi.advanceTimersByTime(CHANGES_INTERVAL_MS);
  }
  const [hello, first] = frames;
  for (const cursor of [undefined, "", "nonsense", "other.1", `${hello?.cursor.split(".")[0]}.999999`, hello?.cursor]) {
    expect(reader(feed, cursor).frames).toMatchObject([{ type: "hello", resumed: false }]);
  }
  expect(reader(feed, first?.cursor).frames).toHaveLength(1_001);
});

test("more jobs than a notice names are many", () => {
  const feed = new ChangeFeed();
  const { frames } = reader(feed);
  for (let job = 0; job <= 200; job += 1) feed.job(String(job), job < 3 ? "state" : "events");
  vi.advanceTimersByTime(CHANGES_INTERVAL_MS);
  expect(frames[1]).toMatchObject({ jobs: "many", states: ["0", "1", "2"] });
});
