import type { GateBaseline } from "@slipway/protocol/baseline";
import { newId } from "@slipway/protocol/scalars";
import { expect, test } from "vitest";
import { addRepository, completedJob, expireLease, newJob, type OpenedStore, oid, receipt, rejection, sha256, submit, take, verifySpec } from "./fixtures.ts";

const TREE = oid("base tree");
const ADA = { tokenId: newId(), tokenName: "Ada", role: "submitter", address: "127.0.0.1" } as const;

function baseline(gate: string, failure: string): GateBaseline {
  const { command, setupDigest, image, environmentDigest } = receipt(TREE, gate, 0);
  const failed = failure !== "";
  return {
    ...{ tree: TREE, gate, command, setupDigest, image, environmentDigest, durationMs: 12 },
    ...{ exitCode: failed ? 1 : 0, failureDigest: failed ? sha256(failure) : "" },
  };
}

export function gates(current: () => OpenedStore): void {
  test("what a gate was on a base is kept once, for its repository alone, and outlives a restart", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    await submit(store, repoId);
    const { jobId, fence } = await take(store);
    await store.recordBaselines(jobId, fence, [baseline("test", "red"), baseline("build", "")]);
    await store.recordBaselines(jobId, fence, [baseline("test", "another")]);
    const other = await addRepository(store, { name: "other" });
    const again = await reopen();
    expect((await again.baselines(repoId, TREE)).baselines).toEqual([baseline("build", ""), baseline("test", "red")]);
    expect((await again.baselines(other.id, TREE)).baselines).toEqual([]);
    expect((await again.baselines(repoId, oid("another tree"))).baselines).toEqual([]);
  });

  test("a receipt of the tree is known as what it says of the base", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    const spec = verifySpec(completionId, "merged");
    const { verifyJob } = await store.requestVerification(completionId, fence, spec, newJob(repoId, { kind: "verify" }));
    const lease = await take(store);
    const flake = { gate: "odd", failureDigest: sha256("odd"), excerpt: "" };
    await store.recordFlake(lease.jobId, lease.fence, flake);
    // It counts for the job whose change is verified.
    expect(await store.listFlakes(repoId)).toMatchObject([{ gate: "odd", jobs: 1, lastJob: (await store.getJob(jobId))?.number }]);
    const red = { ...receipt(spec.tree, "test", 3), failureDigest: sha256("red") };
    const green = { ...receipt(spec.tree, "odd", 0), flaky: true };
    await store.finish(lease.jobId, lease.fence, { kind: "verified", receipts: [red, green] });
    expect((await store.baselines(repoId, spec.tree)).baselines).toMatchObject([
      { gate: "test", exitCode: 3, failureDigest: sha256("red") },
      { gate: "odd", exitCode: 0, failureDigest: "" },
    ]);
    const { receipts = [] } = (await store.getJobDetail(lease.jobId)) ?? {};
    expect(receipts).toEqual([red, green].map((one) => ({ ...one, job: verifyJob.number, at: expect.any(Number) })));
    expect(Math.abs(Date.now() - (receipts[0]?.at ?? 0))).toBeLessThan(60_000);
    // Another job's change has the very same tree: only the green receipt is used again, and it says so.
    const other = await completedJob(store, repoId, { target: "other" });
    const equal = { ...verifySpec(other.completionId, "equal"), tree: spec.tree };
    await store.requestVerification(other.completionId, other.fence, equal, newJob(repoId, { kind: "verify" }));
    const used = (await store.getJobDetail(other.jobId))?.receipts ?? [];
    expect(used.map(({ gate, job, reused }) => [gate, job, reused])).toEqual([["odd", verifyJob.number, true]]);
  });

  test("an attempt that is over tells nothing any more", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    await submit(store, repoId);
    const lease = await take(store);
    await expireLease(store, lease);
    const flake = { gate: "test", failureDigest: sha256("odd"), excerpt: "" };
    expect((await rejection(store.recordBaselines(lease.jobId, lease.fence, [baseline("test", "red")]))).code).toBe("LEASE_LOST");
    expect((await rejection(store.recordFlake(lease.jobId, lease.fence, flake))).code).toBe("LEASE_LOST");
    expect(await store.baselines(repoId, TREE)).toEqual({ baselines: [], quarantined: [] });
    expect(await store.listFlakes(repoId)).toEqual([]);
  });

  test("a failure that came and went in two jobs is quarantined until a person clears it, which is audited", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store, { maxRunning: 9 });
    const numbers: number[] = [];
    const flake = { gate: "test", failureDigest: sha256("odd"), excerpt: "it timed out" };
    for (const text of ["one", "two"]) {
      await submit(store, repoId);
      const { jobId, fence } = await take(store);
      const number = (await store.getJob(jobId))?.number ?? 0;
      numbers.push(number);
      // Twice in one job is once.
      for (const excerpt of [text, "again"]) await store.recordFlake(jobId, fence, { ...flake, excerpt });
      await store.recordFlake(jobId, fence, { ...flake, failureDigest: sha256(text) });
      const quarantined = numbers.length === 2;
      expect((await store.listFlakes(repoId)).find(({ failureDigest }) => failureDigest === sha256("odd"))).toMatchObject({
        ...{ gate: "test", jobs: numbers.length, quarantined, lastJob: number },
      });
      expect((await store.baselines(repoId, TREE)).quarantined).toEqual(quarantined ? [{ gate: "test", failureDigest: sha256("odd") }] : []);
    }
    expect(await store.clearFlakes(repoId, { gate: "build" }, ADA)).toBe(0);
    expect(await store.clearFlakes(repoId, { gate: "test", failureDigest: sha256("odd").slice(0, 8) }, ADA)).toBe(1);
    expect(await store.baselines(repoId, TREE)).toEqual({ baselines: [], quarantined: [] });
    expect(await store.clearFlakes(repoId, { gate: "test" }, ADA)).toBe(2);
    expect(await store.listFlakes(repoId)).toEqual([]);
    const rows = await store.listAudit({ limit: 9, actions: ["clearFlakes"] });
    expect(rows.map(({ object, outcome }) => [object?.kind, outcome])).toEqual([
      ["repository", "ok"],
      ["repository", "ok"],
      ["repository", "unchanged"],
    ]);
  });
}
