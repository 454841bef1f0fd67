import type { Outcome } from "@slipway/protocol/worker-api";
import { expect, test } from "vitest";
import { sampleRevision } from "../../support/sample-revision.ts";
import {
  addRepository,
  allEvents,
  change,
  completedJob,
  completionClaim,
  failed,
  newJob,
  type OpenedStore,
  oid,
  receipt,
  rejection,
  statesOf,
  submit,
  take,
  verifySpec,
} from "./fixtures.ts";

const failure = { code: "MERGE_CONFLICT" as const, message: "both changed src/a.ts", details: { paths: ["src/a.ts"] } };
function changed(text: string): Outcome {
  return { kind: "change", oid: oid(text), diffStat: { files: 1, insertions: 1, deletions: 0 } };
}

const reason = "revision 1 of 2: conflicts with job 12 in src/a.ts";

export function revisions(current: () => OpenedStore): void {
  test("a rejected change queues its job again, with its record, the target's commit as its base, and the attempt given back", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId, { maxAttempts: 1 });
    const revision = sampleRevision({ targetOid: oid("target"), baseOid: oid("base"), workOid: oid("change") });
    const revised = await store.rejectCompletion(completionId, fence, failure, { revision, reason });
    expect(revised).toMatchObject({
      completion: { state: "rejected" },
      job: { state: "queued", failure: null, revision, baseOid: oid("target"), resultOid: oid("change"), attempts: 0, fence: 1, dueAt: expect.any(Number) },
    });
    // Its answer was lost: the second call does nothing, whatever it says.
    expect(await store.rejectCompletion(completionId, fence, failure, { revision: { ...revision, number: 2 }, reason })).toEqual(revised);
    expect(await store.rejectCompletion(completionId, fence, failure)).toEqual(revised);
    const again = await reopen();
    expect((await again.getJob(jobId))?.revision).toEqual(revision);
    expect((await allEvents(again, jobId)).at(-1)).toMatchObject({ data: { from: "integrating", to: "queued", on: "revise", code: "MERGE_CONFLICT", reason } });
    // What the change was made on is needed as long as the job is.
    const bases = (await again.basesInUse(1_000)).map((base) => base.oid);
    expect(bases).toEqual(expect.arrayContaining([oid("target"), oid("base")]));
    // The one attempt that it may have is there again, and its change is measured against the new base.
    const lease = await take(again);
    expect(lease).toEqual({ jobId, fence: 2 });
    await again.finish(jobId, 2, changed("revised"));
    const claimed = await again.claimCompletion(completionClaim());
    expect(claimed?.completion).toMatchObject({ oid: oid("revised"), baseOid: oid("target") });
    await again.rejectCompletion(claimed?.completion.id ?? "", claimed?.fence ?? 0, failure);
    expect(await again.getJob(jobId)).toMatchObject({ state: "failed", failure, revision });
    expect(await statesOf(again, jobId)).toEqual(["queued", "running", "integrating", "queued", "running", "integrating", "failed"]);
  });

  test("failed tries stay counted over a revision", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId, { maxAttempts: 2 });
    await store.finish(jobId, (await take(store)).fence, failed("RUNNER_LOST"));
    await store.finish(jobId, (await take(store)).fence, change);
    const claimed = await store.claimCompletion(completionClaim());
    const { job } = await store.rejectCompletion(claimed?.completion.id ?? "", claimed?.fence ?? 0, failure, {
      revision: sampleRevision({ fence: 2 }),
      reason,
    });
    expect(job.attempts).toBe(1);
    expect((await store.finish(jobId, (await take(store)).fence, failed("RUNNER_LOST"))).state).toBe("failed");
  });

  test("a lease that is over revises nothing, and a job without a completion has none to be rejected", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    await store.renewCompletion(completionId, fence, 0);
    expect((await rejection(store.rejectCompletion(completionId, fence, failure, { revision: sampleRevision(), reason }))).code).toBe("LEASE_LOST");
    expect(await store.getJob(jobId)).toMatchObject({ state: "integrating", revision: null, baseOid: oid("base") });
  });

  test("a revised job shows the receipts of its newest completion alone", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    const verified = async (id: string, claim: number, text: string, exitCode: number): Promise<void> => {
      await store.requestVerification(id, claim, verifySpec(id, text), newJob(repoId, { kind: "verify" }));
      const lease = await take(store, { kinds: ["verify"] });
      await store.finish(lease.jobId, lease.fence, { kind: "verified", receipts: [receipt(oid(`tree ${text}`), "test", exitCode)] });
    };
    await verified(completionId, fence, "a", 1);
    expect((await store.getJobDetail(jobId))?.receipts).toMatchObject([{ exitCode: 1 }]);
    await store.rejectCompletion(completionId, fence, { ...failure, code: "GATES_FAILED" }, { revision: sampleRevision(), reason });
    await store.finish(jobId, (await take(store)).fence, change);
    const next = await store.claimCompletion(completionClaim());
    await verified(next?.completion.id ?? "", next?.fence ?? 0, "b", 0);
    expect((await store.getJobDetail(jobId))?.receipts).toMatchObject([{ exitCode: 0, tree: oid("tree b") }]);
  });

  test("changes on their way to a target come in the order of their turn, then what running jobs have kept", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const integrating = async (target: string, text: string): Promise<string> => {
      const jobId = await submit(store, repoId, { target });
      await store.finish(jobId, (await take(store)).fence, changed(text));
      return jobId;
    };
    const kept = await submit(store, repoId);
    await store.finish(kept, (await take(store)).fence, {
      ...failed("RUNNER_LOST"),
      kept: { oid: oid("kept"), diffStat: { files: 1, insertions: 1, deletions: 0 } },
    });
    expect(await store.changesOnWay(repoId, "main")).toEqual([]);
    await take(store);
    const first = await integrating("main", "first");
    await integrating("other", "elsewhere");
    const second = await integrating("main", "second");
    expect((await store.changesOnWay(repoId, "main")).map(({ jobId, oid: commit }) => [jobId, commit])).toEqual([
      [first, oid("first")],
      [second, oid("second")],
      [kept, oid("kept")],
    ]);
  });

  test("a foreseen conflict is news once, shows while the job is on its way, and goes with a revision", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    const predicted = [{ job: 3, target: "main", paths: ["src/a.ts"] }];
    expect(await store.predictConflicts(jobId, predicted, "look out")).toBe(true);
    expect(await store.predictConflicts(jobId, predicted, "look out")).toBe(false);
    expect((await store.getJob(jobId))?.predicted).toEqual(predicted);
    expect((await allEvents(store, jobId)).filter(({ kind }) => kind === "notice")).toMatchObject([{ data: { level: "warning", text: "look out" } }]);
    expect(await store.predictConflicts(jobId, [], null)).toBe(true);
    await store.predictConflicts(jobId, predicted, null);
    const { job } = await store.rejectCompletion(completionId, fence, failure, { revision: sampleRevision(), reason });
    expect(job.predicted).toEqual([]);
    await store.predictConflicts(jobId, predicted, null);
    await store.cancelJob(jobId, "enough");
    expect((await store.getJob(jobId))?.predicted).toEqual([]);
    expect(await store.predictConflicts(jobId, [], null)).toBe(false);
  });
}
