import type { AuditEntry } from "@slipway/protocol/audit";
import { newId } from "@slipway/protocol/scalars";
import { type Actor, REFUSAL_ROWS_PER_HOUR, type RefusedCalls, type Store } from "@slipway/server/store/store";
import { expect, test } from "vitest";
import { addRepository, failed, newJob, type OpenedStore, rejection, sha256, submit, take, worker } from "./fixtures.ts";

const ADA: Actor = { tokenId: newId(), tokenName: "Ada", role: "submitter", address: "127.0.0.1" };
const ROOT: Actor = { tokenId: newId(), tokenName: "root", role: "admin", address: "10.0.0.7" };
const DAY_MS = 86_400_000;

export function auditing(current: () => OpenedStore): void {
  test("who changed what is kept with it, by the database's time; what nobody asked for is not", async () => {
    const { store, reopen } = current();
    const input = { id: newId(), name: "ship", url: null, defaultBranch: "main", maxRunning: 1 };
    await store.createRepository(input, ADA);
    await store.createRepository({ ...input, id: newId() }, ADA);
    await store.updateRepository(input.id, { maxRunning: 2 }, ROOT);
    const token = { id: newId(), name: "ci", role: "viewer" as const, sha256: sha256("ci"), expiresAt: null };
    await store.createToken(token, ROOT);
    await store.revokeToken(token.id, ROOT);
    await store.registerWorker(worker("w", "none"));
    await store.setDraining("w", true, ROOT);
    await store.recordAudit({ action: "syncBranch", by: ADA, object: { kind: "repository", key: "ship" }, outcome: "ok" });
    await addRepository(store);
    await store.setDraining("w", false);
    const rows = (await (await reopen()).listAudit({ limit: 20 })).toReversed();
    const repository = { kind: "repository", id: input.id, name: "ship" };
    expect(rows.map(({ action, token: by, object, outcome }) => [action, by?.name, object, outcome])).toEqual([
      ["createRepository", "Ada", repository, "ok"],
      ["createRepository", "Ada", repository, "unchanged"],
      ["updateRepository", "root", repository, "ok"],
      ["createToken", "root", { kind: "token", id: token.id, name: "ci" }, "ok"],
      ["revokeToken", "root", { kind: "token", id: token.id, name: "ci" }, "ok"],
      ["drainWorker", "root", { kind: "worker", id: "w", name: "builder" }, "ok"],
      ["syncBranch", "Ada", repository, "ok"],
    ]);
    expect(rows[0]).toMatchObject({ token: { id: ADA.tokenId, name: "Ada", role: "submitter" }, address: "127.0.0.1", count: 1, madeJob: null });
    expect(Math.abs(Date.now() - (rows[0]?.at ?? 0))).toBeLessThan(60_000);
  });

  test("a job tells who submitted, cancelled and retried it; what failed or changed nothing is in the audit alone", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const first = newJob(repoId, { dedupeKey: "key" });
    await store.submitJob(first, ADA);
    await store.submitJob({ ...first, id: newId() }, ROOT);
    const { fence } = await take(store);
    await store.finish(first.id, fence, failed("BACKEND_AUTH"));
    await store.unblockJob(first.id, ROOT);
    await store.cancelJob(first.id, "no", ADA);
    await store.cancelJob(first.id, "no", ADA);
    const { job: again } = await store.submitJob(newJob(repoId, { retryOf: first.id }), ROOT);
    await store.recordAudit({ action: "cancelJob", by: ADA, object: { kind: "job", key: "1" }, outcome: "CONFLICT" });
    const retried = { action: "retryJob", by: { name: "root", role: "admin" }, job: 1, madeJob: again.number };
    expect((await store.getJobDetail(first.id))?.acts).toMatchObject([
      { action: "submitJob", by: { name: "Ada", role: "submitter" }, job: 1, madeJob: null },
      { action: "retryJob", by: { name: "root", role: "admin" }, job: 1, madeJob: null },
      { action: "cancelJob", by: { name: "Ada", role: "submitter" }, job: 1, madeJob: null },
      retried,
    ]);
    expect((await store.getJobDetail(again.id))?.acts).toMatchObject([retried]);
    expect(outcomes(await store.listAudit({ job: 1, limit: 20 }))).toEqual([
      ["cancelJob", "CONFLICT"],
      ["retryJob", "ok"],
      ["cancelJob", "unchanged"],
      ["cancelJob", "ok"],
      ["retryJob", "ok"],
      ["submitJob", "unchanged"],
      ["submitJob", "ok"],
    ]);
    expect(outcomes(await store.listAudit({ job: again.number, limit: 20 }))).toEqual([["retryJob", "ok"]]);
  });

  test("a change that is refused leaves no trace of having been made", async () => {
    const { store } = current();
    expect((await rejection(store.submitJob(newJob(newId()), ADA))).code).toBe("NOT_FOUND");
    expect((await rejection(store.cancelJob(newId(), "no", ADA))).code).toBe("NOT_FOUND");
    expect(await store.revokeToken(newId(), ADA)).toBe(false);
    expect(await store.setDraining(newId(), true, ADA)).toBe(false);
    expect(await store.updateRepository(newId(), { maxRunning: 1 }, ADA)).toBeUndefined();
    expect(await store.listAudit({ limit: 20 })).toEqual([]);
  });

  test("what was not found is kept as the caller called it, and is no job's history", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    for (const key of ["1", "1x", "900719925474099", newId()])
      await store.recordAudit({ action: "cancelJob", by: ADA, object: { kind: "job", key }, outcome: "NOT_FOUND" });
    await submit(store, repoId);
    expect((await store.listAudit({ limit: 20 })).map(({ object }) => object?.name)).toContain("1x");
    expect(await store.listAudit({ job: 1, limit: 20 })).toEqual([]);
  });

  test("the audit is read by time, token, action and page", async () => {
    const { store } = current();
    for (const name of ["a", "b", "c", "d", "e"]) {
      const by = name === "c" ? ROOT : ADA;
      await store.createRepository({ id: newId(), name, url: null, defaultBranch: "main", maxRunning: 1 }, by);
    }
    const names = async (filter: Partial<Parameters<Store["listAudit"]>[0]>) =>
      (await store.listAudit({ limit: 10, ...filter })).map(({ object }) => object?.name);
    expect(await names({})).toEqual(["e", "d", "c", "b", "a"]);
    expect(await names({ limit: 2 })).toEqual(["e", "d"]);
    const [, second] = await store.listAudit({ limit: 2 });
    expect(await names({ before: second?.seq ?? 0, limit: 2 })).toEqual(["c", "b"]);
    expect(await names({ who: "root" })).toEqual(["c"]);
    expect(await names({ who: ROOT.tokenId })).toEqual(["c"]);
    expect(await names({ who: "roo" })).toEqual([]);
    expect(await names({ actions: ["submitJob"] })).toEqual([]);
    expect(await names({ actions: ["submitJob", "createRepository"], limit: 1 })).toEqual(["e"]);
    expect(await names({ since: Date.now() + DAY_MS })).toEqual([]);
    expect(await names({ since: Date.now() - DAY_MS })).toHaveLength(5);
  });

  test("refused calls are counted, those of a flood in one row beyond the limit", async () => {
    const { store } = current();
    const call = (address: string, count = 1): RefusedCalls => ({ action: "listJobs", token: null, address, outcome: "UNAUTHENTICATED", count });
    const known: RefusedCalls = { ...call("10.0.0.1"), token: ADA, outcome: "FORBIDDEN", action: "createToken" };
    await store.countRefusals([call("10.0.0.1"), call("10.0.0.1", 4), known]);
    await store.countRefusals([known]);
    // An hour may begin in between: then the same call has two rows.
    const before = await store.listAudit({ limit: 10 });
    expect(sum(before.filter(({ outcome }) => outcome === "UNAUTHENTICATED"))).toBe(5);
    expect(before.filter(({ outcome }) => outcome === "FORBIDDEN")).toMatchObject([{ token: { name: "Ada" }, action: "createToken", address: "10.0.0.1" }]);
    expect(sum(before)).toBe(7);

    const flood = Array.from({ length: 3 * REFUSAL_ROWS_PER_HOUR }, (_, index) => call(`2001:db8::${index.toString(16)}`));
    await store.countRefusals(flood);
    const all = await store.listAudit({ limit: 5 * REFUSAL_ROWS_PER_HOUR });
    expect(sum(all)).toBe(7 + flood.length);
    expect(all.length).toBeLessThanOrEqual(2 * (REFUSAL_ROWS_PER_HOUR + 1));
    expect(all.find(({ action }) => action === "others")).toMatchObject({ token: null, address: null, outcome: "UNAUTHENTICATED" });
  });

  test("old rows go, a bounded number at a time", async () => {
    const { store } = current();
    for (let number = 0; number < 5; number += 1) await store.recordAudit({ action: "syncBranch", by: ADA, object: null, outcome: "CONFLICT" });
    expect(await store.pruneAudit(DAY_MS, 10)).toBe(0);
    expect(await store.pruneAudit(-1_000, 3)).toBe(3);
    expect(await store.pruneAudit(-1_000, 3)).toBe(2);
    expect(await store.listAudit({ limit: 10 })).toEqual([]);
  });
}

function outcomes(rows: readonly AuditEntry[]): Array<[string, string]> {
  return rows.map(({ action, outcome }) => [action, outcome]);
}

function sum(rows: readonly AuditEntry[]): number {
  return rows.reduce((total, { count }) => total + count, 0);
}
