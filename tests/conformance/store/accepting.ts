import type { Red } from "@slipway/protocol/acceptance";
import type { JobView } from "@slipway/protocol/job";
import { newId } from "@slipway/protocol/scalars";
import type { Store } from "@slipway/server/store/store";
import { expect, test } from "vitest";
import { addRepository, change, completionClaim, failed, newJob, type OpenedStore, oid, rejection, statesOf, submit, take } from "./fixtures.ts";

const BY = { tokenId: newId(), tokenName: "somebody", role: "submitter", address: "127.0.0.1" } as const;
const RED: Red[] = [
  { by: "gate", name: "test", findings: ["exit code 1"] },
  { by: "check", name: "tests", findings: ["a.test.js: gone"] },
];
const KEPT = { oid: oid("kept"), diffStat: { files: 1, insertions: 1, deletions: 0 }, why: "change 1 of 2: 1 finding, the fewest", red: RED };

async function failedJob(store: Store, repoId: string): Promise<JobView> {
  const jobId = await submit(store, repoId);
  const { fence } = await take(store);
  return await store.finish(jobId, fence, { ...failed("GATES_FAILED"), kept: KEPT });
}

function accept(store: Store, { id }: JobView, repoId: string) {
  const work = { of: id, fence: 1, oid: KEPT.oid, acceptedOid: oid("accepted"), reason: "it will do", red: RED };
  return store.acceptJob(work, newJob(repoId), BY);
}

/** Work of a failed job that a person accepts. */
export function accepting(current: () => OpenedStore): void {
  test("an accepted job is integrating at once, says who accepted what, and lands as any other; the failed one stays failed", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const job = await failedJob(store, repoId);
    const { job: made, created } = await accept(store, job, repoId);
    expect(created).toBe(true);
    expect(made).toMatchObject({ state: "integrating", resultOid: oid("accepted"), diffStat: KEPT.diffStat, attempts: 0 });
    expect(await statesOf(store, made.id)).toEqual(["queued", "integrating"]);
    const claimed = await store.claimCompletion(completionClaim());
    expect(claimed?.completion).toMatchObject({ jobId: made.id, oid: oid("accepted"), state: "pending" });
    const completion = await store.getCompletion(claimed?.completion.id ?? "");
    expect(completion).toMatchObject({ waivedGates: ["test"], sandbox: "bwrap" });
    await store.intendLanding(completion?.id ?? "", 1, { target: "main", oldOid: null, newOid: oid("accepted") });
    await store.markLanded(completion?.id ?? "", 1);

    const reopened = await reopen();
    const acceptance = {
      jobId: job.id,
      number: job.number,
      fence: 1,
      oid: KEPT.oid,
      by: { name: "somebody", role: "submitter" },
      reason: "it will do",
      red: RED,
    };
    expect(await reopened.getJobDetail(made.id)).toMatchObject({ job: { state: "done" }, acceptance });
    expect(await reopened.getJobDetail(job.id)).toMatchObject({
      job: { state: "failed" },
      acceptance: null,
      acceptedAs: [{ number: made.number, state: "done" }],
      attempts: [{ keptWhy: KEPT.why, keptRed: RED }],
      acts: [{ action: "acceptJob", madeJob: made.number }],
    });
  });

  test("accepted twice, at the same time too, it is one job; once that is cancelled there may be another", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const job = await failedJob(store, repoId);
    const made = await Promise.all([accept(store, job, repoId), accept(store, job, repoId)]);
    expect(made.map(({ created }) => created).toSorted()).toEqual([false, true]);
    const [first] = made;
    expect(made[1]?.job.id).toBe(first?.job.id);
    expect((await store.listAudit({ actions: ["acceptJob"], limit: 9 })).map(({ outcome }) => outcome)).toEqual(["unchanged", "ok"]);
    await store.cancelJob(first?.job.id ?? "", "no");
    // Who only knows of the one that was cancelled has no commit to land.
    const stale = { of: job.id, fence: 1, oid: KEPT.oid, acceptedOid: null, reason: null, red: [] };
    expect(await rejection(store.acceptJob(stale, newJob(repoId), BY))).toMatchObject({ code: "CONFLICT", message: expect.stringContaining("was cancelled") });
    expect(await accept(store, job, repoId)).toMatchObject({ created: true });
  });

  test("a job that is not failed is not accepted", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    await store.finish(jobId, (await take(store)).fence, change);
    const job = await store.getJob(jobId);
    if (!job) throw new Error("it is gone");
    expect(await rejection(accept(store, job, repoId))).toMatchObject({ code: "CONFLICT" });
    expect(await store.listJobs({ limit: 9 })).toHaveLength(1);
  });

  test("refs of a failed job are needed for as long as the job that lands its work", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const job = await failedJob(store, repoId);
    const isExpired = async () => (await store.hubJobs([job.id], -1_000))[0]?.isExpired;
    expect(await isExpired()).toBe(true);
    const { job: made } = await accept(store, job, repoId);
    expect(await isExpired()).toBe(false);
    await store.cancelJob(made.id, "no");
    expect(await isExpired()).toBe(true);
  });
}
