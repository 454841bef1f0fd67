import type { ErrorCode } from "@slipway/protocol/errors";
import type { Outcome } from "@slipway/protocol/worker-api";
import type { CircuitLimits } from "@slipway/server/store/circuit-limits";
import type { Store } from "@slipway/server/store/store";
import { expect, test } from "vitest";
import { addRepository, change, claimRequest, expireLease, failed, type Lease, type OpenedStore, type OpenStore, submit, take } from "./fixtures.ts";

const HOUR_MS = 3_600_000;
const LONG: CircuitLimits = { faults: 3, coolDownMs: HOUR_MS, coolDownLimitMs: 3 * HOUR_MS };
/** It is due again by the time that the next call is made, and what it was opened for can still be told. */
const SHORT: CircuitLimits = { faults: 3, coolDownMs: 1, coolDownLimitMs: 1_000 };

/** A backend that fails again and again gets no jobs, until one of them shows that it works. */
export function circuits(open: OpenStore): void {
  async function withLimits(
    circuitLimits: CircuitLimits,
    work: (scene: { opened: OpenedStore; store: Store; repoId: string }) => Promise<void>,
  ): Promise<void> {
    const opened = await open({ circuitLimits });
    try {
      await work({ opened, store: opened.store, repoId: (await addRepository(opened.store)).id });
    } finally {
      await opened.close();
    }
  }

  async function ends(store: Store, repoId: string, outcome: Outcome): Promise<Lease> {
    await submitFor(store, repoId);
    const lease = await taken(store);
    await store.finish(lease.jobId, lease.fence, outcome);
    return lease;
  }

  const submitFor = (store: Store, repoId: string, backend = "script") => submit(store, repoId, { backend, requires: [`backend:${backend}`] });

  /** The next claim that gets something: a circuit that is open for a millisecond may not be due yet. */
  async function taken(store: Store): Promise<Lease> {
    for (;;) {
      const claimed = await store.claim(claimRequest());
      if (claimed) return { jobId: claimed.job.id, fence: claimed.fence };
    }
  }

  const opensWith = (store: Store, repoId: string, codes: ErrorCode[]) =>
    codes.reduce(async (before, code) => {
      await before;
      await ends(store, repoId, failed(code));
    }, Promise.resolve());

  test("three failures by its own fault in a row open it; other ends of jobs do not", async () => {
    await withLimits(LONG, async ({ store, repoId }) => {
      await opensWith(store, repoId, ["BACKEND_AUTH", "BACKEND_FAILED", "CONTEXT_TOO_LONG", "SETUP_FAILED"]);
      expect(await store.listCircuits()).toEqual([]);
      await ends(store, repoId, failed("NO_CHANGE"));
      await opensWith(store, repoId, ["BACKEND_AUTH", "BACKEND_FAILED"]);
      expect(await store.listCircuits()).toEqual([]);
      await ends(store, repoId, failed("BACKEND_QUOTA"));
      const [circuit] = await store.listCircuits();
      expect(circuit).toMatchObject({ backend: "script", image: "", state: "open", faults: 3, canary: null, code: "BACKEND_QUOTA" });
      expect((circuit?.openUntil ?? 0) - (circuit?.openedAt ?? 0)).toBe(HOUR_MS);
      await submitFor(store, repoId);
      expect(await store.claim(claimRequest())).toBeNull();
      const dueMs = await store.nextDueMs();
      expect(dueMs).toBeGreaterThan(0);
      expect(dueMs).toBeLessThanOrEqual(HOUR_MS);
    });
  });

  test("the attempts of one job count once", async () => {
    await withLimits(LONG, async ({ store, repoId }) => {
      const jobId = await submit(store, repoId, { maxAttempts: 5 });
      for (let round = 0; round < 5; round += 1) await store.finish(jobId, (await take(store)).fence, failed("BACKEND_OUTPUT_INVALID"));
      expect((await store.getJob(jobId))?.state).toBe("failed");
      expect(await store.listCircuits()).toEqual([]);
    });
  });

  test("only jobs of that backend in that image wait", async () => {
    await withLimits(LONG, async ({ store, repoId }) => {
      const at = (image: string) => ({ images: { script: image, other: image }, capabilities: ["backend:script", "backend:other", "os:linux"] });
      for (let count = 0; count < 3; count += 1) {
        await submitFor(store, repoId);
        const { jobId, fence } = await take(store, at("sha256:a"));
        await store.finish(jobId, fence, failed("BACKEND_AUTH"));
      }
      expect(await store.listCircuits()).toMatchObject([{ backend: "script", image: "sha256:a" }]);
      const waiting = await submitFor(store, repoId);
      const other = await submitFor(store, repoId, "other");
      expect((await take(store, at("sha256:a"))).jobId).toBe(other);
      expect((await take(store, at("sha256:b"))).jobId).toBe(waiting);
    });
  });

  test("of many claims at once exactly one is the canary, and its change lets in all", async () => {
    await withLimits(SHORT, async ({ store, repoId }) => {
      await opensWith(store, repoId, ["BACKEND_AUTH", "BACKEND_AUTH", "BACKEND_AUTH"]);
      for (let count = 0; count < 8; count += 1) await submitFor(store, repoId);
      await expect.poll(async () => (await store.listCircuits())[0]?.state).toBe("due");
      const claims = await Promise.all(Array.from({ length: 8 }, () => store.claim(claimRequest())));
      const canaries = claims.filter((claim) => claim !== null);
      expect(canaries).toHaveLength(1);
      const [canary] = canaries;
      if (!canary) throw new Error("no claim was let through");
      expect(await store.listCircuits()).toMatchObject([{ state: "trying", canary: { jobId: canary.job.id, number: canary.job.number, fence: canary.fence } }]);
      await store.finish(canary.job.id, canary.fence, change);
      expect(await store.listCircuits()).toEqual([]);
      const after = await Promise.all(Array.from({ length: 7 }, () => store.claim(claimRequest())));
      expect(after.filter((claim) => claim !== null)).toHaveLength(7);
    });
  });

  test("a canary that fails opens it for twice as long, and so on to the limit", async () => {
    await withLimits({ ...SHORT, coolDownMs: 8, coolDownLimitMs: 20 }, async ({ store, repoId }) => {
      const seen: number[] = [];
      await opensWith(store, repoId, ["BACKEND_AUTH", "BACKEND_AUTH", "BACKEND_AUTH"]);
      for (let round = 0; round < 3; round += 1) {
        const before = Date.now();
        await ends(store, repoId, failed("BACKEND_AUTH"));
        const [circuit] = await store.listCircuits();
        expect(circuit).toMatchObject({ canary: null, faults: 4 + round });
        // From when it failed, which was after `before`; the clock of the database is the machine's.
        seen.push((circuit?.openUntil ?? 0) - before);
      }
      expect(seen[0]).toBeGreaterThanOrEqual(16);
      expect(seen[1]).toBeGreaterThanOrEqual(20);
      expect(seen[2]).toBeGreaterThanOrEqual(20);
    });
  });

  test.each([
    ["is cancelled", (store: Store, { jobId }: Lease) => store.cancelJob(jobId, "enough")],
    ["loses its lease", async (store: Store, lease: Lease) => [await expireLease(store, lease), await store.reap()]],
    ["fails by something else", (store: Store, { jobId, fence }: Lease) => store.finish(jobId, fence, failed("SETUP_FAILED"))],
  ] as const)("a canary that %s says nothing: the next job is let through", async (_, end) => {
    await withLimits(SHORT, async ({ store, repoId }) => {
      await opensWith(store, repoId, ["BACKEND_AUTH", "BACKEND_AUTH", "BACKEND_AUTH"]);
      await submitFor(store, repoId);
      const canary = await taken(store);
      await submitFor(store, repoId);
      expect(await store.claim(claimRequest())).toBeNull();
      await end(store, canary);
      expect(await store.listCircuits()).toMatchObject([{ state: "due", faults: 3, canary: null }]);
      expect(await store.claim(claimRequest())).not.toBeNull();
    });
  });

  test("what began before it opened neither opens it longer nor is its canary, and closes it where it goes well", async () => {
    await withLimits(LONG, async ({ store, repoId }) => {
      for (let count = 0; count < 5; count += 1) await submitFor(store, repoId);
      const leases: Lease[] = [];
      for (let count = 0; count < 5; count += 1) leases.push(await take(store));
      for (const { jobId, fence } of leases.slice(0, 3)) await store.finish(jobId, fence, failed("BACKEND_AUTH"));
      const before = await store.listCircuits();
      const [late, good] = leases.slice(3);
      if (!late || !good) throw new Error("two attempts are left");
      await store.finish(late.jobId, late.fence, failed("BACKEND_AUTH"));
      expect(await store.listCircuits()).toEqual(before);
      await store.finish(good.jobId, good.fence, change);
      expect(await store.listCircuits()).toEqual([]);
    });
  });

  test("it outlives a restart with its canary; a person closes it, which is audited", async () => {
    await withLimits(SHORT, async ({ opened, store, repoId }) => {
      await opensWith(store, repoId, ["BACKEND_AUTH", "BACKEND_AUTH", "BACKEND_AUTH"]);
      await submitFor(store, repoId);
      await taken(store);
      await submitFor(store, repoId);
      const before = await store.listCircuits();
      const again = await opened.reopen();
      expect(await again.listCircuits()).toEqual(before);
      expect(await again.claim(claimRequest())).toBeNull();
      const by = { tokenId: "t", tokenName: "ann", role: "submitter", address: "127.0.0.1" } as const;
      expect(await again.resetCircuits("script", by)).toBe(1);
      expect(await again.resetCircuits("script", by)).toBe(0);
      expect(await again.claim(claimRequest())).not.toBeNull();
      expect(await again.listAudit({ limit: 2 })).toMatchObject([
        { action: "resetBackend", object: { kind: "backend", name: "script" }, outcome: "unchanged" },
        { action: "resetBackend", token: { name: "ann" }, outcome: "ok" },
      ]);
    });
  });

  test("with no number of failures it never opens", async () => {
    await withLimits({ ...LONG, faults: 0 }, async ({ store, repoId }) => {
      await opensWith(
        store,
        repoId,
        Array.from({ length: 6 }, () => "BACKEND_AUTH"),
      );
      expect(await store.listCircuits()).toEqual([]);
    });
  });
}
