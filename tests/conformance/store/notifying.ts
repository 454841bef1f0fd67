import type { Failure } from "@slipway/protocol/failure";
import type { NotificationReceiver } from "@slipway/server/store/notifications";
import type { Store } from "@slipway/server/store/store";
import { expect, test } from "vitest";
import { addRepository, failed, type OpenedStore, type OpenStore, submit, take } from "./fixtures.ts";

const PROBLEM: Failure = { code: "NOTIFICATION_FAILED", message: "It is down.", details: {} };
const HOUR_MS = 3_600_000;

/** What moves of jobs have to tell is written with them, for each receiver, and waits until it arrived or was given up. */
export function notifying(open: OpenStore): void {
  async function telling(receivers: readonly NotificationReceiver[], work: (opened: OpenedStore) => Promise<void>): Promise<void> {
    const opened = await open({ receivers });
    try {
      await work(opened);
    } finally {
      await opened.close();
    }
  }

  async function end(store: Store, repoId: string, code: "BACKEND_AUTH" | "NO_CHANGE" | "RUNNER_LOST"): Promise<string> {
    await submit(store, repoId);
    const { jobId, fence } = await take(store);
    await store.finish(jobId, fence, failed(code));
    return jobId;
  }

  test("each receiver gets what it asked for, of the repositories that it named, and nothing of a job that is tried again", async () => {
    const receivers = [
      { name: "all", events: ["needs-you", "failed", "cancelled"] as const },
      { name: "ship", events: ["failed", "needs-you"] as const, repositories: ["ship"] },
    ];
    await telling(receivers, async ({ store }) => {
      const [ship, boat] = [await addRepository(store, { name: "ship" }), await addRepository(store, { name: "boat" })];
      const blocked = await end(store, boat.id, "BACKEND_AUTH");
      const cancelled = await submit(store, boat.id);
      await store.cancelJob(cancelled, "no");
      await store.freezeTarget(ship.id, { target: "main", code: "TRAIN_FROZEN", reason: "release day" });
      await store.freezeTarget(ship.id, { target: "main", code: "TRAIN_FROZEN", reason: "again" });
      await submit(store, ship.id, { maxAttempts: 2 });
      const first = await take(store);
      await store.finish(first.jobId, first.fence, failed("RUNNER_LOST"));
      const told: Array<[string, string, string | undefined]> = [];
      for (let due = await store.dueNotifications(); due.length > 0; due = await store.dueNotifications()) {
        // Of each receiver the oldest alone: the order is kept.
        expect(new Set(due.map(({ receiver }) => receiver)).size).toBe(due.length);
        for (const { seq, receiver, notice } of due) {
          told.push([receiver, notice.event, notice.job?.id ?? notice.target ?? undefined]);
          await store.markArrived(seq);
        }
      }
      expect(told.toSorted()).toEqual(
        [
          ["all", "cancelled", cancelled],
          ["all", "needs-you", blocked],
          ["all", "needs-you", "main"],
          ["ship", "needs-you", "main"],
        ].toSorted(),
      );
      expect(await store.nextNotificationMs()).toBeNull();
      expect(await store.notificationCounts()).toMatchObject([
        { receiver: "all", waiting: 0, problem: null, sentAt: expect.any(Number), givenUp: 0 },
        { receiver: "ship", waiting: 0 },
      ]);
    });
  });

  test("what failed puts off all that waits for its receiver, what comes later too, until one arrives; it outlives a restart", async () => {
    await telling([{ name: "team", events: ["failed"] }], async (opened) => {
      const { id } = await addRepository(opened.store);
      await end(opened.store, id, "NO_CHANGE");
      await end(opened.store, id, "NO_CHANGE");
      const [first] = await opened.store.dueNotifications();
      await opened.store.postponeNotification(first?.seq ?? 0, HOUR_MS, PROBLEM);
      await end(opened.store, id, "NO_CHANGE");
      const store = await opened.reopen();
      expect(await store.dueNotifications()).toEqual([]);
      expect(await store.nextNotificationMs()).toBeGreaterThan(HOUR_MS / 2);
      expect(await store.notificationCounts()).toMatchObject([{ waiting: 3, problem: PROBLEM, waitingSince: expect.any(Number) }]);
      await store.hurryNotifications("team");
      const [again] = await store.dueNotifications();
      expect(again).toMatchObject({ id: first?.id, seq: first?.seq, tries: 1 });
      await store.giveUpNotification(again?.seq ?? 0, PROBLEM);
      // Told twice, as the answer got lost: nothing changes.
      await store.giveUpNotification(again?.seq ?? 0, PROBLEM);
      expect(await store.notificationCounts()).toMatchObject([{ waiting: 2, givenUp: 1, problem: PROBLEM }]);
      const [second] = await store.dueNotifications();
      await store.markArrived(second?.seq ?? 0);
      expect(await store.notificationCounts()).toMatchObject([{ waiting: 1, givenUp: 1, problem: null }]);
    });
  });

  test("what waits for a receiver that there is no more is given up", async () => {
    await telling([{ name: "team", events: ["failed"] }], async ({ store }) => {
      const { id } = await addRepository(store);
      await end(store, id, "NO_CHANGE");
      expect(await store.settleNotifications()).toBe(0);
      expect(await store.dueNotifications()).toHaveLength(1);
    });
    await telling([], async ({ store }) => {
      const { id } = await addRepository(store);
      await end(store, id, "NO_CHANGE");
      expect(await store.notificationCounts()).toEqual([]);
    });
  });
}
