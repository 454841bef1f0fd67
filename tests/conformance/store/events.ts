import { randomBytes } from "node:crypto";
import type { AppendableEvent } from "@slipway/protocol/events";
import { newId } from "@slipway/protocol/scalars";
import { expect, test } from "vitest";
import { addRepository, allEvents, failed, type OpenedStore, type OpenStore, rejection, submit, take } from "./fixtures.ts";

function log(text: string): AppendableEvent {
  return { kind: "log", data: { stream: "stdout", offset: 0, text, encoding: "utf8" } };
}

function numbered(events: AppendableEvent[], from = 1) {
  return events.map((event, index) => ({ ordinal: from + index, at: 1_000 + index, event }));
}

const usage: AppendableEvent = { kind: "usage", data: { inputTokens: 10, cachedInputTokens: 4, outputTokens: 3, reasoningTokens: 2, costUsd: 0.25 } };

export function events(current: () => OpenedStore, open: OpenStore): void {
  test("events are numbered without gaps across server and attempts, and kept as they came", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const first = await take(store);
    const message: AppendableEvent = { kind: "message", data: { role: "agent", text: "Grüße \u0000 \ud83d\ude80" } };
    const appended = await store.appendEvents(jobId, first.fence, numbered([message, log("a\n"), usage]));
    expect(appended.ackOrdinal).toBe(3);
    expect(appended.stored.map((event) => [event.seq, event.fence, event.at, event.kind])).toEqual([
      [3, 1, 1_000, "message"],
      [4, 1, 1_001, "log"],
      [5, 1, 1_002, "usage"],
    ]);
    const phase = await store.addEvent(jobId, { kind: "phase", data: { phase: "merge", status: "started" } });
    expect(phase).toMatchObject({ jobId, seq: 6, fence: null, kind: "phase" });
    await store.finish(jobId, first.fence, failed("INTERNAL"));
    const second = await take(store);
    await store.appendEvents(jobId, second.fence, numbered([log("b\n")]));
    const all = await allEvents(await reopen(), jobId, 2);
    expect(all.map((event) => event.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(all.map((event) => event.kind)).toEqual(["state", "state", "message", "log", "usage", "phase", "state", "state", "log"]);
    expect(all[2]).toEqual({ jobId, seq: 3, fence: 1, at: 1_000, ...message });
  });

  test("an ordinal that is stored is skipped, whole batches and overlaps alike", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const { fence } = await take(store);
    const batch = numbered([log("1"), usage, log("3")]);
    const [first, second] = await Promise.all([store.appendEvents(jobId, fence, batch), store.appendEvents(jobId, fence, batch)]);
    expect(first?.stored).toHaveLength(3);
    expect(second).toEqual({ ackOrdinal: 3, stored: [] });
    const overlap = await store.appendEvents(jobId, fence, numbered([log("3"), log("4")], 3));
    expect(overlap.stored.map((event) => event.kind === "log" && event.data.text)).toEqual(["4"]);
    expect((await store.getJob(jobId))?.usage).toEqual(usage.data);
    expect((await store.getJob(jobId))?.lastSeq).toBe(6);
  });

  test("usage is summed over all attempts", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    await store.appendEvents(jobId, 1, numbered([usage])).catch(() => undefined);
    for (const round of [1, 2]) {
      const { fence } = await take(store);
      await store.appendEvents(jobId, fence, numbered([usage, usage]));
      expect((await store.finish(jobId, fence, failed("INTERNAL"))).usage.outputTokens).toBe(round * 6);
    }
    expect((await store.getJob(jobId))?.usage).toEqual({ inputTokens: 40, cachedInputTokens: 16, outputTokens: 12, reasoningTokens: 8, costUsd: 1 });
  });

  test("pages are bounded, and tell where the job's events end", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const { fence } = await take(store);
    for (let batch = 0; batch < 6; batch += 1) {
      await store.appendEvents(
        jobId,
        fence,
        numbered(
          Array.from({ length: 1_000 }, () => log("x".repeat(1_000))),
          1 + batch * 1_000,
        ),
      );
    }
    const page = await store.readEvents(jobId, 0, 1_000_000);
    expect(page.events.length).toBeLessThanOrEqual(5_000);
    expect(page).toMatchObject({ gapTo: null, lastSeq: 6_002, final: false });
    expect(await store.readEvents(jobId, 6_002, 10)).toEqual({ events: [], gapTo: null, lastSeq: 6_002, final: false });
    expect((await store.readEvents(jobId, 100, 3)).events.map((event) => event.seq)).toEqual([101, 102, 103]);
    expect((await rejection(store.readEvents(newId(), 0, 1))).code).toBe("NOT_FOUND");
    expect((await rejection(store.addEvent(jobId, { kind: "state", data: { from: "running", to: "done", on: "land", reason: "a lie" } }))).code).toBe(
      "INVALID_REQUEST",
    );
  });

  test("beyond the log limit the log is dropped and counted; a gap stands where it began, the totals at the attempt's end", async () => {
    const limited = await open({ logLimitBytesPerJob: 100 });
    try {
      const { store } = limited;
      const { id: repoId } = await addRepository(store);
      const jobId = await submit(store, repoId);
      const { fence } = await take(store);
      await store.appendEvents(jobId, fence, numbered([log("a".repeat(90)), log("ü".repeat(6)), log("b"), usage, log("c")]));
      const more = await store.appendEvents(
        jobId,
        fence,
        numbered([log("d".repeat(10)), { kind: "message", data: { role: "agent", text: "x".repeat(500) } }], 6),
      );
      expect(more.ackOrdinal).toBe(7);
      await store.finish(jobId, fence, failed("INTERNAL"));
      const all = await allEvents(store, jobId);
      expect(all.map((event) => event.kind)).toEqual(["state", "state", "log", "gap", "usage", "message", "gap", "state"]);
      expect(all.map((event) => event.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(all[3]).toMatchObject({ fence, data: { reason: "job-log-limit", stream: "stdout", droppedEvents: 0, droppedBytes: 0 } });
      expect(all[6]).toMatchObject({ fence, data: { reason: "job-log-limit", droppedEvents: 4, droppedBytes: 12 + 1 + 1 + 10 } });
      // The limit is the job's: the next attempt has none left.
      const second = await take(store);
      await store.appendEvents(jobId, second.fence, numbered([log("e")]));
      await store.cancelJob(jobId, "enough");
      expect((await allEvents(store, jobId)).slice(9).map((event) => event.kind)).toEqual(["gap", "gap", "state"]);
    } finally {
      await limited.close();
    }
  });

  test("final jobs are packed once, read as before, and can still get events", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const still = await submit(store, repoId);
    const { fence } = await take(store);
    const events = Array.from({ length: 2_000 }, (_, index) => (index % 100 === 0 ? log(randomBytes(30_000).toString("hex")) : log(`line ${index}\n`)));
    await store.appendEvents(jobId, fence, numbered(events));
    expect(await store.packFinalJobs(10)).toBe(0);
    await store.finish(jobId, fence, failed("NO_CHANGE"));
    const before = await allEvents(store, jobId, 1_000);
    expect(await store.packFinalJobs(10)).toBe(1);
    expect(await store.packFinalJobs(10)).toBe(0);
    const again = await reopen();
    expect(await allEvents(again, jobId, 1_000)).toEqual(before);
    expect((await again.readEvents(jobId, 999, 3)).events).toEqual(before.slice(999, 1_002));
    const last = await again.addEvent(jobId, { kind: "notice", data: { level: "info", text: "afterwards" } });
    expect(last.seq).toBe(2_004);
    expect((await again.readEvents(jobId, 2_001, 50)).events.map((event) => event.seq)).toEqual([2_002, 2_003, 2_004]);
    expect(await again.packFinalJobs(10)).toBe(1);
    expect(await allEvents(again, jobId, 1_000)).toEqual([...before, last]);
    expect((await again.getJob(still))?.state).toBe("queued");
    expect(await again.readEvents(jobId, 2_004, 50)).toMatchObject({ events: [], lastSeq: 2_004, final: true });
  });
}
