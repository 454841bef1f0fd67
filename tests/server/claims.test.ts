import { createSecretKey, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ErrorCode } from "@slipway/protocol/errors";
import { newId } from "@slipway/protocol/scalars";
import { claimCredential } from "@slipway/server/secrets";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { git } from "../support/repository.ts";
import { TestServer, withCredential } from "./server-harness.ts";

let server: TestServer;
beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

/** Resolves when so many claims wait in the room. */
async function parked(count: number): Promise<void> {
  await expect.poll(() => server.server.plane.jobRoom.size, { interval: 5, timeout: 10_000 }).toBe(count);
}

describe("a waiting claim", () => {
  test("is woken by the enqueue, and only one is", async () => {
    const { view } = await server.repository();
    const [first, second] = [await server.worker(), await server.worker()];
    const claims = [server.claim(first, { waitMs: 20_000 }), server.claim(second, { waitMs: 20_000 })];
    await parked(2);
    const job = await server.submit(view.id);
    const won = await Promise.race(claims);
    expect(won?.job.id).toBe(job.id);
    expect(server.server.plane.jobRoom.size).toBe(1);
    const next = await server.submit(view.id);
    expect((await Promise.all(claims)).map((claim) => claim?.job.id).toSorted()).toEqual([job.id, next.id].toSorted());
  });

  test("takes only what its worker can do", async () => {
    const { view } = await server.repository();
    const [plain, able] = [await server.worker(), await server.worker(["backend:script", "os:special"])];
    const aborted = new AbortController();
    const waiting = server.claim(plain, { waitMs: 20_000, signal: aborted.signal });
    const taking = server.claim(able, { waitMs: 20_000 });
    await parked(2);
    const job = await server.submit(view.id, { requires: ["os:special"] });
    expect((await taking)?.job.id).toBe(job.id);
    expect(server.server.plane.jobRoom.size).toBe(1);
    aborted.abort();
    await expect(waiting).rejects.toThrow();
    await parked(0);
  });

  test("is woken by a requeue, by a freed place in the repository, by a dependency and by time", async () => {
    const { view } = await server.repository();
    const { plane } = server.server;
    const limited = (await plane.store.createRepository({ id: newId(), name: "one at a time", url: null, defaultBranch: "main", maxRunning: 1 })).repository;
    const workerId = await server.worker();
    const worker = server.client("worker");

    const job = await server.submit(view.id);
    const first = await server.claim(workerId);
    const again = server.claim(workerId, { waitMs: 20_000 });
    await parked(1);
    const failure = { code: "WORKER_STOPPED" as const, message: "stopped", details: {} };
    await worker.call("finish", { params: { job: job.id, fence: first?.fence ?? 0 }, body: { outcome: { kind: "failed", failure } } });
    expect(await again).toMatchObject({ job: { id: job.id }, fence: 2 });

    // The limit, with jobs of a repository that never was fetched: the store takes them as they are.
    const spec = { ...(await plane.store.getJob(job.id)), repoId: limited.id, dedupeKey: null, retryOf: null, completionId: null, runAfter: null };
    const [one, two] = [newId(), newId()];
    for (const id of [one, two]) await plane.store.submitJob({ ...(spec as never as Parameters<typeof plane.store.submitJob>[0]), id });
    const holder = await server.claim(workerId);
    expect(holder?.job.id).toBe(one);
    const held = server.claim(workerId, { waitMs: 20_000 });
    await parked(1);
    await server.client("submitter").call("cancelJob", { params: { job: one }, body: {} });
    expect((await held)?.job.id).toBe(two);

    // One that is never due here for the refusal, one that is due soon for the wake: a slow machine may pass a time at any line.
    await server.submit(view.id, { runAfter: Date.now() + 3_600_000 });
    expect(await server.claim(workerId)).toBeNull();
    const soon = await server.submit(view.id, { runAfter: Date.now() + 300 });
    expect((await server.claim(workerId, { waitMs: 20_000 }))?.job.id).toBe(soon.id);
  });

  test("answers nothing when its time is over, and when the server closes", async () => {
    const workerId = await server.worker();
    expect(await server.claim(workerId, { waitMs: 30 })).toBeNull();
    const waiting = server.claim(workerId, { waitMs: 20_000 });
    await parked(1);
    await server.server.close();
    expect(await waiting).toBeNull();
  });

  test("of an unknown worker is refused, and a draining worker gets nothing", async () => {
    const { view } = await server.repository();
    await expect(server.claim(newId())).rejects.toMatchObject({ code: "NOT_FOUND" });
    const workerId = await server.worker();
    await server.submit(view.id);
    await server.client("admin").call("drainWorker", { params: { worker: workerId }, body: {} });
    expect(await server.claim(workerId)).toBeNull();
    expect(await server.claim(await server.worker())).not.toBeNull();
  });
});

describe("a cordoned worker", () => {
  test("gets nothing, keeps no offer from others, goes on with what it has over restarts, and takes jobs again", async () => {
    const { view } = await server.repository();
    const admin = server.client("admin");
    const [cordoned, other] = [await server.worker(), await server.worker()];
    await server.submit(view.id);
    const first = await server.claim(cordoned);
    if (!first) throw new Error("no claim");
    // A claim that waits already goes home, and comes back to wait for nothing.
    const waiting = server.claim(cordoned, { waitMs: 20_000 });
    await parked(1);
    await admin.call("cordonWorker", { params: { worker: cordoned }, body: { reason: "a new disk" } });
    expect(await waiting).toBeNull();
    const again = server.claim(cordoned, { waitMs: 20_000 });
    const others = server.claim(other, { waitMs: 20_000 });
    await parked(2);
    const second = await server.submit(view.id);
    expect((await others)?.job.id).toBe(second.id);
    await server.client("worker").call("renew", { params: { job: first.job.id, fence: first.fence }, body: {} });
    const third = await server.submit(view.id);
    await admin.call("uncordonWorker", { params: { worker: cordoned }, body: {} });
    // Sent home, as the real worker is, who asks again at once.
    expect((await again) ?? (await server.claim(cordoned))).toMatchObject({ job: { id: third.id } });
    await admin.call("cordonWorker", { params: { worker: cordoned }, body: {} });
    await server.restart();
    await server.submit(view.id);
    expect(await server.claim(cordoned)).toBeNull();
    expect((await server.claim(cordoned, { claimId: first.claimId }))?.job.id).toBe(first.job.id);
    await expect(server.client("admin").call("cordonWorker", { params: { worker: newId() }, body: {} })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(server.client("admin").call("uncordonWorker", { params: { worker: newId() }, body: {} })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("the same claimId", () => {
  test("reads the same claim again, late and after a restart too, and the credential that is in use goes on working", async () => {
    const { view, source } = await server.repository();
    const workerId = await server.worker();
    await server.submit(view.id);
    const claimId = newId();
    const first = await server.claim(workerId, { claimId });
    if (!first) throw new Error("no claim");
    await server.pushChange(source, first, { "b.txt": "b\n" });
    const again = await server.claim(workerId, { claimId });
    expect(again).toMatchObject({ job: { id: first.job.id, attempts: 1 }, fence: first.fence, hub: { credential: first.hub.credential } });
    await git(source.root, "ls-remote", withCredential(first.hub.upstreamUrl, first.hub.credential));
    await server.restart();
    expect((await server.claim(workerId, { claimId }))?.hub.credential).toBe(first.hub.credential);
  });

  test("gives nothing to another worker, and no other claim has its credential", async () => {
    const { view } = await server.repository();
    const [workerId, other] = [await server.worker(), await server.worker()];
    await server.submit(view.id);
    await server.submit(view.id);
    const claimId = newId();
    const first = await server.claim(workerId, { claimId });
    expect(await server.claim(other, { claimId })).toBeNull();
    const second = await server.claim(other);
    expect(second?.hub.credential).not.toBe(first?.hub.credential);
    // Nor does another installation, which has another key.
    const claim = { kind: "job", claimId, owner: workerId } as const;
    const key = createSecretKey(await readFile(join(server.data, "server", "credential-key")));
    expect(claimCredential(key, claim)).toBe(first?.hub.credential);
    expect(claimCredential(createSecretKey(randomBytes(32)), claim)).not.toBe(first?.hub.credential);
    expect(claimCredential(key, { ...claim, owner: other })).not.toBe(first?.hub.credential);
    expect(claimCredential(key, { ...claim, kind: "completion" })).not.toBe(first?.hub.credential);
  });
});

describe("a stale fence", () => {
  test("is refused everywhere: renewal, events, artifact, finish and push", async () => {
    const { view, source } = await server.repository();
    const workerId = await server.worker();
    const job = await server.submit(view.id);
    const claim = await server.claim(workerId);
    if (!claim) throw new Error("no claim");
    const worker = server.client("worker");
    const params = { job: job.id, fence: claim.fence };
    await worker.putArtifact(job.id, claim.fence, "gate.log", new TextEncoder().encode("ok"));
    await server.client("submitter").call("cancelJob", { params: { job: job.id }, body: {} });

    const event = { ordinal: 1, at: 1, event: { kind: "notice" as const, data: { level: "info" as const, text: "late" } } };
    const lost = { code: "LEASE_LOST" };
    await expect(worker.call("renew", { params, body: {} })).rejects.toMatchObject(lost);
    await expect(worker.call("appendEvents", { params, body: { events: [event] } })).rejects.toMatchObject(lost);
    await expect(worker.putArtifact(job.id, claim.fence, "gate.log", new TextEncoder().encode("late"))).rejects.toMatchObject(lost);
    await expect(
      worker.call("finish", { params, body: { outcome: { kind: "change", oid: job.baseOid, diffStat: { files: 0, insertions: 0, deletions: 0 } } } }),
    ).rejects.toMatchObject(lost);
    await expect(server.pushChange(source, claim, { "late.txt": "late\n" })).rejects.toThrow(/Authentication failed|401/);
    // What was there before stands as it was.
    expect(new TextDecoder().decode(await server.client("viewer").artifact(job.id, "gate.log"))).toBe("ok");
  });

  test("a change counts only when its commit is on the hub under the attempt's own ref", async () => {
    const { view, source } = await server.repository();
    const workerId = await server.worker();
    const job = await server.submit(view.id);
    const claim = await server.claim(workerId);
    if (!claim) throw new Error("no claim");
    const worker = server.client("worker");
    const params = { job: job.id, fence: claim.fence };
    const finish = (oid: string) =>
      worker.call("finish", { params, body: { outcome: { kind: "change", oid, diffStat: { files: 1, insertions: 1, deletions: 0 } } } });
    const invalid = { code: "COMMIT_INVALID", details: { ref: claim.hub.pushRef, pushed: null } };
    // A commit that the hub knows well, but that this attempt did not push.
    await expect(finish(job.baseOid)).rejects.toMatchObject(invalid);
    const oid = await server.pushChange(source, claim, { "b.txt": "b\n" });
    await expect(finish("a".repeat(40))).rejects.toMatchObject({ ...invalid, details: { oid: "a".repeat(40), pushed: oid } });
    expect((await finish(oid)).job).toMatchObject({ state: "integrating", resultOid: oid });
    // Told again, its answer having been lost.
    expect((await finish(oid)).job.resultOid).toBe(oid);
  });

  test("what is kept of a failed attempt is shown when it is on the hub under the attempt's own ref, also of one that was tried again", async () => {
    const { view, source } = await server.repository();
    const workerId = await server.worker();
    const job = await server.submit(view.id, { maxAttempts: 2 });
    const attempt = async (code: ErrorCode, files: Record<string, string> | null) => {
      const claim = await server.claim(workerId);
      if (!claim) throw new Error("no claim");
      const pushed = files && (await server.pushChange(source, claim, files));
      const finish = (oid: string | null) => {
        const kept = oid === null ? {} : { kept: { oid, diffStat: { files: 1, insertions: 1, deletions: 0 } } };
        const outcome = { kind: "failed" as const, failure: { code, message: "as planned", details: {} }, ...kept };
        return server.client("worker").call("finish", { params: { job: job.id, fence: claim.fence }, body: { outcome } });
      };
      return { pushed, finish };
    };
    const viewer = server.client("viewer");
    const first = await attempt("AGENT_STALLED", { "b.txt": "b\n" });
    await expect(first.finish("a".repeat(40))).rejects.toMatchObject({ code: "COMMIT_INVALID", details: { oid: "a".repeat(40), pushed: first.pushed } });
    expect((await first.finish(first.pushed)).job).toMatchObject({ state: "queued", resultOid: null });
    expect(await viewer.diff(job.id)).toContain("+b");
    const second = await attempt("GATES_FAILED", null);
    expect((await second.finish(null)).job).toMatchObject({ state: "failed", resultOid: null });
    const { attempts, completion } = await viewer.call("getJob", { params: { job: job.id } });
    expect([attempts.map(({ keptOid }) => keptOid), completion]).toEqual([[first.pushed, null], null]);
    expect(await viewer.diff(job.id)).toContain("+b");
    expect((await server.client("integrator").call("claimCompletion", { body: { claimId: newId(), integratorId: newId(), waitMs: 0 } })).claimed).toBeNull();
  });

  test("pushes of a live attempt reach its own ref only", async () => {
    const { view, source } = await server.repository();
    const workerId = await server.worker();
    await server.submit(view.id);
    const claim = await server.claim(workerId);
    if (!claim) throw new Error("no claim");
    const { hub } = claim;
    const jobs = withCredential(hub.jobsUrl, hub.credential);
    const upstream = withCredential(hub.upstreamUrl, hub.credential);
    await git(source.root, "push", "--quiet", jobs, `HEAD:${hub.pushRef}`);
    await expect(git(source.root, "push", "--quiet", jobs, "HEAD:refs/heads/main")).rejects.toThrow();
    await expect(git(source.root, "push", "--quiet", jobs, `HEAD:refs/slipway/jobs/${newId()}/1`)).rejects.toThrow();
    await expect(git(source.root, "push", "--quiet", upstream, "HEAD:refs/heads/evil")).rejects.toThrow(/403/);
    await expect(git(source.root, "push", "--quiet", jobs, `:${hub.pushRef}`)).rejects.toThrow();
    // A task attempt never reads the store with other jobs' objects.
    await expect(git(source.root, "ls-remote", jobs)).rejects.toThrow(/403/);
    const other = (await server.repository()).view;
    await expect(git(source.root, "ls-remote", upstream.replace(view.id, other.id))).rejects.toThrow(/403/);
  });
});

describe("the hub for people", () => {
  test("a submitter pushes bases and fetches; a viewer and a worker token do neither", async () => {
    const { view, source } = await server.repository();
    const oid = await source.head();
    const as = (role: "submitter" | "viewer" | "worker" | "admin") => withCredential(view.upstreamUrl, server.tokens[role]);
    await git(source.root, "push", "--quiet", as("submitter"), `HEAD:refs/slipway/bases/${oid}`);
    await git(source.root, "ls-remote", as("admin"));
    await expect(git(source.root, "push", "--quiet", as("submitter"), "HEAD:refs/heads/main")).rejects.toThrow();
    await expect(git(source.root, "push", "--quiet", as("submitter"), `HEAD:refs/slipway/bases/${"0".repeat(39)}1`)).rejects.toThrow();
    for (const role of ["viewer", "worker"] as const) await expect(git(source.root, "ls-remote", as(role))).rejects.toThrow(/403/);
    await expect(git(source.root, "ls-remote", view.upstreamUrl)).rejects.toThrow();
  });

  test("a submitter fetches a job's commit by its id, sees no others listed and pushes nothing there; a viewer and a worker token fetch nothing", async () => {
    const { view, source } = await server.repository();
    const workerId = await server.worker();
    await server.submit(view.id);
    const claim = await server.claim(workerId);
    if (!claim) throw new Error("no claim");
    const oid = await server.pushChange(source, claim, { "kept.txt": "kept\n" });
    const as = (role: "submitter" | "viewer" | "worker") => withCredential(view.jobsUrl, server.tokens[role]);
    expect(await git(source.root, "ls-remote", as("submitter"), "refs/slipway/*")).toBe("");
    await git(source.root, "fetch", "--quiet", as("submitter"), oid);
    expect(await git(source.root, "show", `${oid}:kept.txt`)).toBe("kept");
    await expect(git(source.root, "push", "--quiet", as("submitter"), `HEAD:${claim.hub.pushRef}`)).rejects.toThrow(/403/);
    for (const role of ["viewer", "worker"] as const) await expect(git(source.root, "fetch", "--quiet", as(role), oid)).rejects.toThrow(/403/);
  });
});

describe("a worker's signal connection", () => {
  test("hears of a cancel at once, and of a drain", async () => {
    const { view } = await server.repository();
    const workerId = await server.worker();
    const job = await server.submit(view.id);
    await server.claim(workerId);
    const opened = Promise.withResolvers<void>();
    const stop = new AbortController();
    const signals = server.client("worker").signals(workerId, { signal: stop.signal, onOpen: opened.resolve });
    const first = signals.next();
    await opened.promise;
    await expect.poll(async () => (await server.client("viewer").call("listWorkers", {})).workers[0]?.connected, { interval: 5 }).toBe(true);
    await server.client("submitter").call("cancelJob", { params: { job: job.id }, body: {} });
    expect((await first).value).toEqual({ type: "revoked", jobId: job.id, fence: 1, reason: "cancelled" });
    await server.client("admin").call("drainWorker", { params: { worker: workerId }, body: {} });
    expect((await signals.next()).value).toEqual({ type: "drain" });
    await signals.return(undefined);
    await expect.poll(async () => (await server.client("viewer").call("listWorkers", {})).workers[0]?.connected, { interval: 5 }).toBe(false);
  });
});
