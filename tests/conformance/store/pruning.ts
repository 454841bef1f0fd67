import { newId } from "@slipway/protocol/scalars";
import { expect, test } from "vitest";
import { addRepository, allEvents, completedJob, failed, newJob, type OpenedStore, oid, receipt, sha256, submit, take, verifySpec } from "./fixtures.ts";

const DAY_MS = 86_400_000;
/** Whatever has ended ended longer ago than that. */
const OVER_MS = -1_000;

export function pruning(current: () => OpenedStore): void {
  test("an image is used while a job has it whose artifacts are kept; what it is called stays with the job", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const image = (name: string) => ({ name: `${name}.png`, type: "image/png" as const, bytes: 3, sha256: sha256(name) });
    const [shared, own] = [image("shared"), image("own")];
    const ended = await submit(store, repoId, { images: [shared, own, own] });
    const { fence } = await take(store);
    await submit(store, repoId, { images: [shared] });
    const asked = [shared.sha256, own.sha256, sha256("none")];
    expect((await store.usedImages(asked)).toSorted()).toEqual([shared.sha256, own.sha256].toSorted());
    await store.finish(ended, fence, failed("NO_CHANGE"));
    expect(await store.dropJobData(ended, OVER_MS)).toBe(true);
    const again = await reopen();
    expect(await again.usedImages(asked)).toEqual([shared.sha256]);
    expect(await again.usedImages([])).toEqual([]);
    expect((await again.getJob(ended))?.images).toEqual([shared, own, own]);
  });

  test("events and artifacts of a job that ended long ago go; its row stays, and a reader is told", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const [packed, fresh, active] = [await submit(store, repoId), await submit(store, repoId), await submit(store, repoId)];
    for (const id of [packed, fresh]) {
      const { fence } = await take(store);
      await store.putArtifact(id, fence, { name: "log", bytes: 1, sha256: sha256("log") });
      await store.finish(id, fence, failed("NO_CHANGE"));
      // One of the two is packed before.
      if (id === packed) await store.packFinalJobs(5);
    }
    expect(await store.expiredJobs(DAY_MS, 10)).toEqual([]);
    expect(await store.expiredJobs(OVER_MS, 10)).toEqual([packed, fresh]);
    expect(await store.expiredJobs(OVER_MS, 1)).toEqual([packed]);
    expect(await store.dropJobData(packed, DAY_MS)).toBe(false);
    expect(await store.dropJobData(active, OVER_MS)).toBe(false);
    const before = await store.getJobDetail(packed);
    expect(await allEvents(store, packed)).toHaveLength(before?.job.lastSeq ?? 0);

    for (const id of [packed, fresh]) expect(await store.dropJobData(id, OVER_MS)).toBe(true);
    const again = await reopen();
    expect(await again.expiredJobs(OVER_MS, 10)).toEqual([]);
    expect(await again.packFinalJobs(5)).toBe(0);
    for (const id of [packed, fresh]) {
      const lastSeq = before?.job.lastSeq;
      expect(await again.readEvents(id, 0, 10)).toEqual({ events: [], gapTo: lastSeq, lastSeq, final: true });
      expect((await again.readEvents(id, lastSeq ?? 0, 10)).gapTo).toBeNull();
    }
    expect(await again.getJobDetail(packed)).toEqual({ ...before, artifacts: [] });
    expect(await allEvents(again, active)).toHaveLength(1);

    // What still comes afterwards is kept, and goes with the next round.
    await again.addEvent(packed, { kind: "notice", data: { level: "info", text: "late" } });
    expect(await again.readEvents(packed, 0, 10)).toMatchObject({ events: [{ kind: "notice" }], gapTo: before?.job.lastSeq });
    expect(await again.expiredJobs(OVER_MS, 10)).toEqual([packed]);
  });

  test("what the hub's refs are judged by: whose job is final, and since when; which completions have ended", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    const unknown = newId();
    const judged = { id: jobId, isExpired: false, resultOid: oid("change"), landedOid: null };
    expect(await store.hubJobs([jobId, unknown], OVER_MS)).toEqual([judged]);
    expect(await store.endedCompletions([completionId, unknown])).toEqual([]);
    expect(await store.busyRepositories()).toEqual([repoId]);

    const { verifyJob } = await store.requestVerification(completionId, fence, verifySpec(completionId, "a"), newJob(repoId, { kind: "verify" }));
    const lease = await take(store);
    await store.rejectCompletion(completionId, fence, { code: "MERGE_CONFLICT", message: "no", details: {} });
    expect(await store.hubJobs([jobId], DAY_MS)).toEqual([judged]);
    expect(await store.hubJobs([jobId], OVER_MS)).toEqual([{ ...judged, isExpired: true }]);
    // Its verify job is still at work on the merged commit.
    expect(await store.endedCompletions([completionId])).toEqual([]);
    await store.finish(verifyJob.id, lease.fence, { kind: "verified", receipts: [receipt(oid("tree a"), "test", 0)] });
    expect(await store.endedCompletions([completionId])).toEqual([completionId]);
    expect(await store.busyRepositories()).toEqual([]);
  });

  test("a base is in use while a job from it is active, and for the retention after", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { id: other } = await addRepository(store);
    const ended = await submit(store, repoId, { baseOid: oid("ended") });
    await store.cancelJob(ended, "no");
    await submit(store, repoId, { baseOid: oid("active") });
    await submit(store, repoId, { baseOid: oid("active") });
    await submit(store, other, { baseOid: oid("active") });
    const sorted = (bases: Array<{ repoId: string; oid: string }>) => bases.map((base) => `${base.repoId} ${base.oid}`).toSorted();
    const active = [`${repoId} ${oid("active")}`, `${other} ${oid("active")}`];
    expect(sorted(await store.basesInUse(DAY_MS))).toEqual([...active, `${repoId} ${oid("ended")}`].toSorted());
    expect(sorted(await store.basesInUse(OVER_MS))).toEqual(active.toSorted());
  });
}
