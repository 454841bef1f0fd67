import { newId } from "@slipway/protocol/scalars";
import { expect, test } from "vitest";
import { addRepository, type OpenedStore, rejection, sha256, submit, take } from "./fixtures.ts";

const registration = {
  workerId: "worker-1",
  name: "anvil",
  slots: 4,
  verifySlots: 2,
  capabilities: ["backend:script"],
  backends: [],
  sandbox: "none" as const,
  version: "0.1.0",
};

export function accounts(current: () => OpenedStore): void {
  test("the installation id is made once and kept", async () => {
    const { store, reopen } = current();
    expect(store.installationId).toMatch(/^[0-9a-f-]{36}$/);
    expect((await reopen()).installationId).toBe(store.installationId);
  });

  test("a repository is found by id and name, and the same name and address give the same one", async () => {
    const { store } = current();
    const input = { id: newId(), name: "Schiff Ä 1", url: "https://example.org/a.git", defaultBranch: "main", maxRunning: 3 };
    const made = await store.createRepository(input);
    expect(made.created).toBe(true);
    expect(made.repository).toMatchObject(input);
    expect(await store.createRepository({ ...input, id: newId() })).toEqual({ ...made, created: false });
    expect((await rejection(store.createRepository({ ...input, url: "https://example.org/b.git" }))).code).toBe("CONFLICT");
    expect(await store.getRepository(input.id)).toEqual(made.repository);
    expect(await store.getRepository(input.name)).toEqual(made.repository);
    expect(await store.getRepository("another")).toBeUndefined();
    expect(await store.listRepositories()).toEqual([made.repository]);

    expect(await store.updateRepository(input.id, { maxRunning: 5 })).toEqual({ ...made.repository, maxRunning: 5 });
    expect(await store.updateRepository(input.id, { defaultBranch: "trunk" })).toMatchObject({ defaultBranch: "trunk", maxRunning: 5 });
    expect(await store.getRepository(input.id)).toMatchObject({ defaultBranch: "trunk", maxRunning: 5, url: input.url });
    expect(await store.updateRepository(newId(), { maxRunning: 5 })).toBeUndefined();
  });

  test("a session is its token's until one of the two is over", async () => {
    const { store, reopen } = current();
    const [id, over] = [newId(), newId()];
    const by = { tokenId: id, tokenName: "ci", role: "submitter" as const, address: "127.0.0.1" };
    await store.createToken({ id, name: "ci", role: "submitter", sha256: sha256("secret"), expiresAt: null });
    await store.createToken({ id: over, name: "old", role: "submitter", sha256: sha256("old"), expiresAt: 1_000 });
    const made = await store.createSession({ sha256: sha256("cookie"), tokenId: id, ttlMs: 60_000 }, by);
    expect(made).toMatchObject({ token: { id, name: "ci" } });
    expect(made?.expiresAt).toBeGreaterThan(Date.now() + 50_000);
    const again = await reopen();
    expect(await again.findSession(sha256("cookie"))).toEqual(made);
    expect(await again.findSession(sha256("secret"))).toBeUndefined();
    // Over at once.
    await again.createSession({ sha256: sha256("short"), tokenId: id, ttlMs: 0 }, by);
    expect(await again.findSession(sha256("short"))).toBeUndefined();
    for (const tokenId of [over, newId()]) expect(await again.createSession({ sha256: sha256("none"), tokenId, ttlMs: 60_000 }, by)).toBeUndefined();
    await again.createSession({ sha256: sha256("second"), tokenId: id, ttlMs: 60_000 }, by);
    expect(await again.endSession(sha256("second"))).toBe(true);
    expect(await again.endSession(sha256("second"))).toBe(false);
    expect(await again.findSession(sha256("cookie"))).toBeDefined();
    await again.revokeToken(id);
    expect(await again.findSession(sha256("cookie"))).toBeUndefined();
    const entries = await again.listAudit({ limit: 10 });
    expect(entries.filter(({ action }) => action === "createSession")).toHaveLength(3);
  });

  test("a token opens until it is revoked or expires, and remembers its use", async () => {
    const { store } = current();
    const id = newId();
    const view = await store.createToken({ id, name: "ci", role: "submitter", sha256: sha256("secret"), expiresAt: null });
    expect(view).toMatchObject({ id, name: "ci", role: "submitter", lastUsedAt: null, expiresAt: null });
    expect(JSON.stringify(await store.listTokens())).not.toContain(sha256("secret"));
    expect(await store.findToken(sha256("secret"))).toMatchObject({ id });
    const [used] = await store.listTokens();
    expect(used?.lastUsedAt).toBeGreaterThan(0);
    await store.findToken(sha256("secret"));
    expect((await store.listTokens())[0]?.lastUsedAt).toBe(used?.lastUsedAt);
    expect((await rejection(store.createToken({ id: newId(), name: "twin", role: "admin", sha256: sha256("secret"), expiresAt: null }))).code).toBe("CONFLICT");

    await store.createToken({ id: newId(), name: "old", role: "admin", sha256: sha256("old"), expiresAt: 1_000 });
    expect(await store.findToken(sha256("old"))).toBeUndefined();
    expect(await store.findToken(sha256("unknown"))).toBeUndefined();
    expect(await store.revokeToken(id)).toBe(true);
    expect(await store.revokeToken(id)).toBe(false);
    expect(await store.findToken(sha256("secret"))).toBeUndefined();
    expect(await store.listTokens()).toEqual([]);
  });

  test("a worker registers, is touched, drains, and shows what it runs", async () => {
    const { store } = current();
    await store.registerWorker(registration);
    await store.touchWorker("worker-1");
    const repository = await addRepository(store);
    const jobId = await submit(store, repository.id);
    expect((await store.getRepository(repository.id))?.running).toBe(0);
    const lease = await take(store);
    expect((await store.getRepository(repository.id))?.running).toBe(1);
    const [worker] = await store.listWorkers();
    expect(worker).toMatchObject({ id: "worker-1", name: "anvil", slots: 4, sandbox: "none", capabilities: ["backend:script"], draining: false });
    expect(worker?.running).toEqual([{ jobId, number: 1, fence: lease.fence }]);
    expect((await store.getJobDetail(jobId))?.attempts[0]?.workerName).toBe("anvil");
    expect(await store.setDraining("worker-1", true)).toBe(true);
    expect((await store.listWorkers())[0]?.draining).toBe(true);
    await store.registerWorker({ ...registration, name: "anvil 2" });
    expect((await store.listWorkers())[0]).toMatchObject({ draining: false, name: "anvil 2" });
    expect(await store.setDraining("nobody", true)).toBe(false);
  });

  test("a cordon is the first one's word, survives restarts of worker and store, and is taken back", async () => {
    const { store, reopen } = current();
    const by = { tokenId: newId(), tokenName: "root", role: "admin" as const, address: "127.0.0.1" };
    await store.registerWorker(registration);
    const cordon = await store.cordonWorker("worker-1", "a new disk", by);
    expect(cordon).toEqual({ at: expect.any(Number), by: "root", reason: "a new disk" });
    expect(await store.cordonWorker("worker-1", null, { ...by, tokenName: "another" })).toEqual(cordon);
    const again = await reopen();
    await again.registerWorker(registration);
    expect(await again.listWorkers()).toMatchObject([{ cordon, draining: false }]);
    expect(await again.uncordonWorker("worker-1", by)).toBe(true);
    expect(await again.uncordonWorker("worker-1", by)).toBe(false);
    expect(await again.listWorkers()).toMatchObject([{ cordon: null }]);
    expect([await again.cordonWorker("nobody", null, by), await again.uncordonWorker("nobody", by)]).toEqual([undefined, undefined]);
    const entries = await again.listAudit({ limit: 10 });
    expect(entries.map(({ action, outcome, object }) => [action, outcome, object?.name])).toEqual([
      ["uncordonWorker", "unchanged", "anvil"],
      ["uncordonWorker", "ok", "anvil"],
      ["cordonWorker", "unchanged", "anvil"],
      ["cordonWorker", "ok", "anvil"],
    ]);
  });
}
