import { expect, test } from "vitest";
import { withIsoTimes } from "./iso.ts";

test("times become ISO dates wherever they stand, and nothing else changes", () => {
  const document = { at: 0, count: 5, list: [{ lastSeenAt: 1_700_000_000_000, endedAt: null, heat: 3, name: "At" }], text: "at" };
  expect(withIsoTimes(document)).toEqual({
    at: "1970-01-01T00:00:00.000Z",
    count: 5,
    list: [{ lastSeenAt: "2023-11-14T22:13:20.000Z", endedAt: null, heat: 3, name: "At" }],
    text: "at",
  });
});

test("the times of a job that are named otherwise, and none of what others wrote", () => {
  const job = { runAfter: 0, attempts: [{ leaseUntil: 0 }], backendConfig: { script: { startAt: 5 } }, failure: { details: { at: 7 } }, endedAt: 0 };
  const time = "1970-01-01T00:00:00.000Z";
  expect(withIsoTimes(job)).toEqual({ ...job, runAfter: time, attempts: [{ leaseUntil: time }], endedAt: time });
  expect(withIsoTimes({ deadline: 0, deadlineMs: 0 })).toEqual({ deadline: time, deadlineMs: 0 });
});
