import type { PullRequestFound } from "@slipway/server/store/deliveries";
import type { Store } from "@slipway/server/store/store";
import { expect, test } from "vitest";
import { addRepository, change, completedJob, completionClaim, deliveryIntent, newJob, type OpenedStore, oid, rejection, submit, take } from "./fixtures.ts";

const found: PullRequestFound = { number: 7, url: "https://git.example/o/r/pull/7", state: "open", headOid: oid("merged"), etag: "e1", lookInMs: 0 };

export function deliveries(current: () => OpenedStore): void {
  async function handedOver(store: Store, repoId: string, overrides: Parameters<typeof deliveryIntent>[0] = {}): Promise<string> {
    const { jobId, completionId, fence } = await completedJob(store, repoId, { landing: "pr" });
    await store.intendDelivery(completionId, fence, deliveryIntent(overrides));
    return jobId;
  }

  async function delivered(store: Store, repoId: string): Promise<string> {
    const jobId = await handedOver(store, repoId);
    await store.markPushed(jobId, 1);
    await store.markDelivered(jobId, 1, found);
    return jobId;
  }

  test("a completion that is handed over is due at once, over a restart too, and lets the next one of its target go", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    await submit(store, repoId);
    const next = await take(store, { kinds: ["task"] });
    await store.finish(next.jobId, next.fence, change);
    expect(await store.claimCompletion(completionClaim())).toBeNull();
    const handed = await store.intendDelivery(completionId, fence, deliveryIntent());
    expect(handed).toMatchObject({ state: "landed", landedOid: null, mergedOid: oid("merged") });
    expect(await store.intendDelivery(completionId, fence, deliveryIntent())).toEqual(handed);
    expect((await store.claimCompletion(completionClaim()))?.completion.jobId).toBe(next.jobId);
    const again = await current().reopen();
    expect(await again.dueDeliveries(10)).toMatchObject([
      { jobId, ofJobId: jobId, state: "pushing", round: 1, branch: "slipway/1-a-change", tried: [oid("merged")] },
    ]);
    expect(await again.nextDeliveryMs()).toBe(0);
    expect(await again.getJob(jobId)).toMatchObject({ state: "integrating", delivery: { state: "pushing", branch: "slipway/1-a-change", pullRequest: null } });
    // The commit that is pushed has to stay on the hub.
    expect(await again.endedCompletions([completionId])).toEqual([]);
  });

  test("a stale fence hands nothing over", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    expect((await rejection(store.intendDelivery(completionId, fence + 1, deliveryIntent()))).code).toBe("LEASE_LOST");
    await store.cancelJob(jobId, "enough");
    expect((await rejection(store.intendDelivery(completionId, fence, deliveryIntent()))).code).toBe("LEASE_LOST");
    expect(await store.getDelivery(jobId)).toBeUndefined();
  });

  test("the job is done when its pull request is there, and shows it", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await handedOver(store, repoId);
    // Nothing is delivered that was not pushed.
    expect(await store.markDelivered(jobId, 1, found)).toBeNull();
    expect(await store.markPushed(jobId, 1)).toBe(true);
    const job = await store.markDelivered(jobId, 1, found);
    expect(job).toMatchObject({
      state: "done",
      landedOid: null,
      delivery: { mode: "pr", state: "delivered", pullRequest: { number: 7, url: found.url, state: "open", revisions: 0 } },
    });
    expect(await store.markDelivered(jobId, 1, found)).toBeNull();
    expect(await store.dueDeliveries(10)).toEqual([]);
    expect(await store.duePullRequests(10)).toMatchObject([{ jobId, number: 7, isBusy: false, etag: "e1" }]);
  });

  test("a name is one job's, and the same job has it in every round", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const names: Array<string | undefined> = [];
    for (const branch of ["a/b", "a/b", "A/B", "a", "a/b/c"]) names.push((await store.getDelivery(await handedOver(store, repoId, { branch })))?.branch);
    expect(names).toEqual(["a/b", "a/b-2", "A/B-3", "a-2", "a-b-c"]);
    const { id: other } = await addRepository(store);
    const jobId = await handedOver(store, other, { branch: "a/b" });
    await store.blockDelivery(jobId, 1, { code: "PUSH_REJECTED", message: "no", details: {} });
    await store.unblockJob(jobId);
    const claimed = await store.claimCompletion(completionClaim());
    await store.intendDelivery(claimed?.completion.id ?? "", claimed?.fence ?? 0, deliveryIntent({ branch: "another", oid: oid("second") }));
    expect(await store.getDelivery(jobId)).toMatchObject({
      branch: "a/b",
      round: 2,
      oid: oid("second"),
      tried: expect.arrayContaining([oid("merged"), oid("second")]),
    });
  });

  test("steps of an older round, and of one that was withdrawn, change nothing", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await handedOver(store, repoId);
    const failure = { code: "FORGE_UNAVAILABLE" as const, message: "no", details: {} };
    expect(await store.postponeDelivery(jobId, 1, 60_000, failure)).toBe(true);
    expect(await store.dueDeliveries(10)).toEqual([]);
    expect(await store.postponeDelivery(jobId, 2, 0, failure)).toBe(false);
    expect(await store.renameDelivery(jobId, 2, "other")).toBeNull();
    expect(await store.renameDelivery(jobId, 1, "other")).toBe("other");
    await store.cancelJob(jobId, "enough");
    expect(await store.getJob(jobId)).toMatchObject({ state: "cancelled", delivery: { state: "withdrawn" } });
    expect(await store.markPushed(jobId, 1)).toBe(false);
    expect(await store.markDelivered(jobId, 1, found)).toBeNull();
    expect(await store.blockDelivery(jobId, 1, failure)).toBeNull();
    // What may be open of it is closed by the server.
    expect(await store.dueDeliveries(10)).toMatchObject([{ jobId, state: "withdrawn" }]);
    await store.endWithdrawn(jobId, 1, { ...found, state: "closed", lookInMs: null });
    expect(await store.dueDeliveries(10)).toEqual([]);
    expect(await store.getJob(jobId)).toMatchObject({ delivery: { pullRequest: { state: "closed" } } });
  });

  test("a revision is started once for what was seen, has the branch of the first, and is merged from where that was", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const first = await delivered(store, repoId);
    const wish = (): ReturnType<typeof newJob> => newJob(repoId, { landing: "pr", revises: first, baseOid: oid("merged") });
    const revision = await store.startRevision(first, 0, ["line-1"], wish());
    expect(revision).toMatchObject({ revises: first, state: "queued", landing: "pr" });
    expect(await store.startRevision(first, 0, ["line-1"], wish())).toBeNull();
    expect(await store.pullRequestOf(first)).toMatchObject({ revisions: 1, seen: ["line-1"], isBusy: true });
    const lease = await take(store, { kinds: ["task"] });
    expect(lease.jobId).toBe(revision?.id);
    await store.finish(lease.jobId, lease.fence, change);
    const claimed = await store.claimCompletion(completionClaim());
    expect(claimed?.completion).toMatchObject({ jobId: revision?.id, baseOid: oid("onto") });
    await store.intendDelivery(claimed?.completion.id ?? "", claimed?.fence ?? 0, deliveryIntent({ revises: first, branch: "ignored", oid: oid("revised") }));
    expect(await store.getDelivery(lease.jobId)).toMatchObject({
      branch: "slipway/1-a-change",
      ofJobId: first,
      pullRequest: { number: 7 },
      tried: expect.arrayContaining([oid("merged"), oid("revised")]),
    });
    await store.markPushed(lease.jobId, 1);
    await store.markDelivered(lease.jobId, 1, found);
    expect(await store.pullRequestOf(lease.jobId)).toMatchObject({ jobId: first, isBusy: false });
    expect(await store.newestDelivered(first)).toBe(revision?.number);
    await store.keepPullRequest(first, { ...found, state: "merged", lookInMs: null });
    expect(await store.startRevision(first, 1, ["line-2"], wish())).toBeNull();
    expect(await store.getJob(first)).toMatchObject({ delivery: { pullRequest: { state: "merged", revisions: 1 } } });
  });

  test("cancelling a revision closes nothing of the branch that it revises", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const first = await delivered(store, repoId);
    const revision = await store.startRevision(first, 0, [], newJob(repoId, { landing: "pr", revises: first }));
    const lease = await take(store, { kinds: ["task"] });
    await store.finish(lease.jobId, lease.fence, change);
    const claimed = await store.claimCompletion(completionClaim());
    await store.intendDelivery(claimed?.completion.id ?? "", claimed?.fence ?? 0, deliveryIntent({ revises: first }));
    await store.cancelJob(revision?.id ?? "", "enough");
    expect(await store.dueDeliveries(10)).toEqual([]);
  });
}
