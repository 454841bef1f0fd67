import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { land } from "@slipway/git/hub";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import type { Receipt } from "@slipway/protocol/job";
import { environmentCapability, type SandboxKind } from "@slipway/protocol/sandbox-kind";
import { newId } from "@slipway/protocol/scalars";
import { setupDigest } from "@slipway/protocol/setup-digest";
import type { Claim, RegisterWorker } from "@slipway/protocol/worker-api";
import { afterEach, beforeEach, expect, test } from "vitest";
import { git, type TestRepository } from "../support/repository.ts";
import { TestServer, withCredential } from "./server-harness.ts";

let server: TestServer;
beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const GATED = { "a.txt": "a\n", ".slipway.yaml": "gates:\n  - name: test\n    run: ./test\n" };

/** Brings a job to the point where an integrator holds its completion; the job's own commit is the merged one. */
async function integrating(files: Record<string, string>, target?: string, sandbox: SandboxKind = "none"): Promise<Integrating> {
  const { view, source } = await server.repository(files);
  return await complete(view.id, source, target, sandbox);
}

interface Integrating {
  readonly source: TestRepository;
  readonly claim: Claim;
  readonly oid: string;
  readonly claimed: ClaimedCompletion;
  readonly repo: string;
}

async function complete(repo: string, source: TestRepository, target: string | undefined, sandbox: SandboxKind): Promise<Integrating> {
  const workerId = await server.worker(["backend:script"], sandbox);
  await server.submit(repo, target === undefined ? {} : { target });
  const claim = await server.claim(workerId, { waitMs: 5_000 });
  if (!claim) throw new Error("no claim");
  const oid = await server.pushChange(source, claim, { "b.txt": "b\n" });
  await server.client("worker").call("finish", {
    params: { job: claim.job.id, fence: claim.fence },
    body: { outcome: { kind: "change", oid, diffStat: { files: 1, insertions: 1, deletions: 0 } } },
  });
  return { source, claim, oid, claimed: await claimCompletion(), repo };
}

/** The worker's signal connection, open when this resolves and until the signal aborts. */
async function connect(workerId: string, signal: AbortSignal): Promise<void> {
  const signals = server.client("worker").signals(workerId, { signal });
  signals.next().catch(() => undefined); // the abort
  for (;;) {
    const { workers } = await server.client("viewer").call("listWorkers", {});
    if (workers.some(({ id, connected }) => id === workerId && connected)) return;
  }
}

function registration(workerId: string, capabilities: string[]): RegisterWorker {
  const common = { name: "again", slots: 1, verifySlots: 1, backends: [], sandbox: "none" as const, version: "0" };
  return { ...common, workerId, capabilities: ["sandbox:none", ...capabilities] };
}

async function claimCompletion(): Promise<ClaimedCompletion> {
  const { claimed } = await server.client("integrator").call("claimCompletion", { body: { claimId: newId(), integratorId: newId(), waitMs: 5_000 } });
  if (!claimed) throw new Error("no completion");
  return claimed;
}

function receipt(tree: string, exitCode: number): Receipt {
  const digest = "0".repeat(64);
  return {
    tree,
    gate: "test",
    command: "./test",
    setupDigest: setupDigest({ setup: { commands: [], outputs: [], network: "host", timeoutSeconds: 600 }, egress: { turn: [], gates: [] } }),
    image: "none",
    environmentDigest: digest,
    exitCode,
    outputDigest: digest,
    durationMs: 1,
  };
}

function of({ completion, fence }: ClaimedCompletion): { completion: string; fence: number } {
  return { completion: completion.id, fence };
}

test("a job without gates goes from submit to a landed commit", async () => {
  const { claim, oid, claimed, repo } = await integrating({ "a.txt": "a\n" });
  const integrator = server.client("integrator");
  expect(claimed.targetOid).toBeNull();
  expect(await integrator.call("verifyCompletion", { params: of(claimed), body: { mergedOid: oid, expectedOld: null } })).toEqual({
    status: "verified",
    receipts: [],
  });
  const landed = await integrator.call("landCompletion", { params: of(claimed), body: { mergedOid: oid, expectedOld: null } });
  expect(landed.completion).toMatchObject({ state: "landed", landedOid: oid });
  const { job } = await server.client("viewer").call("getJob", { params: { job: claim.job.number } });
  expect(job).toMatchObject({ state: "done", landedOid: oid });
  expect(await server.client("viewer").call("getBranch", { params: { repo }, query: { branch: job.target } })).toEqual({ branch: job.target, oid });
  expect(await server.client("viewer").diff(job.id)).toContain("+b");
  // The answer that got lost: landing again changes nothing.
  const again = await integrator.call("landCompletion", { params: of(claimed), body: { mergedOid: oid, expectedOld: null } });
  expect(again).toEqual(landed);
});

test("a gate must have a receipt for the merged tree, and equal receipts are used again", async () => {
  const { source, oid, claimed } = await integrating(GATED);
  const integrator = server.client("integrator");
  const merged = { mergedOid: oid, expectedOld: null };
  await expect(integrator.call("landCompletion", { params: of(claimed), body: merged })).rejects.toMatchObject({
    code: "RECEIPT_MISSING",
    details: { gates: ["test"] },
  });
  const asked = await integrator.call("verifyCompletion", { params: of(claimed), body: merged });
  const again = await integrator.call("verifyCompletion", { params: of(claimed), body: merged });
  expect(again).toEqual(asked);
  expect(asked.status).toBe("waiting");

  const verify = await server.claim(await server.worker([]), { kinds: ["verify"], waitMs: 5_000 });
  expect(verify?.verify).toMatchObject({ mergedOid: oid, config: { gates: [{ name: "test", run: "./test" }] } });
  if (!verify?.verify) throw new Error("no verify job");
  expect(verify.model).toBeNull();
  // A verify attempt may fetch the merged commit and push nothing.
  await git(source.root, "fetch", "--quiet", withCredential(verify.hub.jobsUrl, verify.hub.credential), oid);
  await expect(git(source.root, "push", "--quiet", withCredential(verify.hub.jobsUrl, verify.hub.credential), `HEAD:${verify.hub.pushRef}`)).rejects.toThrow(
    /403/,
  );
  await server.client("worker").call("finish", {
    params: { job: verify.job.id, fence: verify.fence },
    body: { outcome: { kind: "verified", receipts: [receipt(verify.verify.tree, 0)] } },
  });

  expect(await integrator.call("verifyCompletion", { params: of(claimed), body: merged })).toMatchObject({
    status: "verified",
    receipts: [{ gate: "test", exitCode: 0 }],
  });
  await integrator.call("landCompletion", { params: of(claimed), body: merged });
});

test("a verify job is for workers of the kind of sandbox that the change was made in", async () => {
  const { oid, claimed } = await integrating(GATED, undefined, "bwrap");
  const integrator = server.client("integrator");
  const merged = { mergedOid: oid, expectedOld: null };
  await integrator.call("verifyCompletion", { params: of(claimed), body: merged });
  expect(await server.claim(await server.worker([], "none"), { kinds: ["verify"] })).toBeNull();
  const verify = await server.claim(await server.worker([], "bwrap"), { kinds: ["verify"] });
  expect(verify?.job.requires).toEqual(["sandbox:bwrap"]);
  if (!verify?.verify) throw new Error("no verify job");
  const finish = (image: string) => {
    const receipts = [{ ...receipt(verify.verify?.tree ?? "", 0), image }];
    const params = { job: verify.job.id, fence: verify.fence };
    return server.client("worker").call("finish", { params, body: { outcome: { kind: "verified", receipts } } });
  };
  await expect(finish("none")).rejects.toMatchObject({ code: "INVALID_REQUEST", details: { sandbox: "bwrap", found: "none" } });
  await finish("host");
  expect(await integrator.call("verifyCompletion", { params: of(claimed), body: merged })).toMatchObject({ status: "verified" });
});

test("a receipt of an equal tree counts only where a connected worker has its environment, in the same kind of sandbox", async () => {
  const { view, source } = await server.repository(GATED);
  const integrator = server.client("integrator");
  const ask = async (target: string, sandbox: SandboxKind) => {
    const { oid, claimed } = await complete(view.id, source, target, sandbox);
    return await integrator.call("verifyCompletion", { params: of(claimed), body: { mergedOid: oid, expectedOld: null } });
  };
  const environment = environmentCapability(receipt("", 0).environmentDigest);
  const workerId = await server.worker([environment], "none");
  const stop = new AbortController();
  await connect(workerId, stop.signal);
  expect(await ask("first", "none")).toMatchObject({ status: "waiting" });
  const verify = await server.claim(workerId, { kinds: ["verify"], waitMs: 5_000 });
  if (!verify?.verify) throw new Error("no verify job");
  await server.client("worker").call("finish", {
    params: { job: verify.job.id, fence: verify.fence },
    body: { outcome: { kind: "verified", receipts: [receipt(verify.verify.tree, 0)] } },
  });

  expect(await ask("equal", "none")).toMatchObject({ status: "verified", receipts: [{ image: "none" }] });
  // The same files in another kind of sandbox, even where a worker claims the same environment for it.
  await connect(await server.worker([environment], "bwrap"), stop.signal);
  expect(await ask("boxed", "bwrap")).toMatchObject({ status: "waiting" });
  // The worker comes back with another environment: what its old one proved is not proven for the new one.
  await server.client("worker").call("registerWorker", { body: registration(workerId, [environmentCapability("1".repeat(64))]) });
  expect(await ask("moved", "none")).toMatchObject({ status: "waiting" });
  await server.client("worker").call("registerWorker", { body: registration(workerId, [environment]) });
  expect(await ask("back", "none")).toMatchObject({ status: "verified" });
  stop.abort();
});

test("a red gate on the merged tree rejects, and the integrator's rejection fails the job", async () => {
  const { claim, oid, claimed } = await integrating(GATED);
  const integrator = server.client("integrator");
  const merged = { mergedOid: oid, expectedOld: null };
  await integrator.call("verifyCompletion", { params: of(claimed), body: merged });
  const verify = await server.claim(await server.worker([]), { kinds: ["verify"], waitMs: 5_000 });
  if (!verify?.verify) throw new Error("no verify job");
  await server.client("worker").call("finish", {
    params: { job: verify.job.id, fence: verify.fence },
    body: { outcome: { kind: "verified", receipts: [receipt(verify.verify.tree, 2)] } },
  });
  const answer = await integrator.call("verifyCompletion", { params: of(claimed), body: merged });
  expect(answer).toMatchObject({ status: "rejected", code: "GATES_FAILED", details: { gates: [{ gate: "test", exitCode: 2 }] } });
  if (answer.status !== "rejected") throw new Error("not rejected");
  await integrator.call("rejectCompletion", { params: of(claimed), body: { code: answer.code, message: answer.message, details: answer.details } });
  const { job } = await server.client("viewer").call("getJob", { params: { job: claim.job.id }, query: { waitMs: 5_000 } });
  expect(job).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" } });
});

test("a verify job that ends badly rejects with its own code", async () => {
  const { oid, claimed } = await integrating(GATED);
  const integrator = server.client("integrator");
  const merged = { mergedOid: oid, expectedOld: null };
  await integrator.call("verifyCompletion", { params: of(claimed), body: merged });
  const verify = await server.claim(await server.worker([]), { kinds: ["verify"], waitMs: 5_000 });
  if (!verify) throw new Error("no verify job");
  const failure = { code: "SETUP_FAILED" as const, message: "npm ci failed", details: {} };
  await server.client("worker").call("finish", { params: { job: verify.job.id, fence: verify.fence }, body: { outcome: { kind: "failed", failure } } });
  expect(await integrator.call("verifyCompletion", { params: of(claimed), body: merged })).toMatchObject({ status: "rejected", code: "SETUP_FAILED" });
});

test("a change cannot lower its own bar: the gates are those of the base", async () => {
  const { view, source } = await server.repository(GATED);
  const workerId = await server.worker();
  await server.submit(view.id);
  const claim = await server.claim(workerId, { waitMs: 5_000 });
  if (!claim) throw new Error("no claim");
  const oid = await server.pushChange(source, claim, { ".slipway.yaml": "gates: []\n" });
  await server.client("worker").call("finish", {
    params: { job: claim.job.id, fence: claim.fence },
    body: { outcome: { kind: "change", oid, diffStat: { files: 1, insertions: 1, deletions: 0 } } },
  });
  const claimed = await claimCompletion();
  expect(await server.client("integrator").call("verifyCompletion", { params: of(claimed), body: { mergedOid: oid, expectedOld: null } })).toMatchObject({
    status: "waiting",
  });
});

test("a second run that ended while nobody waited for it counts, as after a kill of the integrator", async () => {
  const { oid, claimed } = await integrating(GATED);
  const workerId = await server.worker([]);
  const ask = async (run: number) =>
    await server.client("integrator").call("verifyCompletion", { params: of(claimed), body: { mergedOid: oid, expectedOld: null, run } });
  const answer = async (exitCode: number): Promise<void> => {
    const verify = await server.claim(workerId, { kinds: ["verify"], waitMs: 5_000 });
    if (!verify?.verify) throw new Error("no verify job");
    const outcome = { kind: "verified" as const, receipts: [receipt(verify.verify.tree, exitCode)] };
    await server.client("worker").call("finish", { params: { job: verify.job.id, fence: verify.fence }, body: { outcome } });
  };
  expect((await ask(1)).status).toBe("waiting");
  await answer(1);
  expect(await ask(1)).toMatchObject({ status: "rejected", mayRunAgain: true });
  expect((await ask(2)).status).toBe("waiting");
  // The one who takes over begins with the first run, whose verdict stands.
  expect(await ask(1)).toMatchObject({ status: "rejected", mayRunAgain: true });
  await answer(0);
  expect(await ask(2)).toMatchObject({ status: "verified" });
});

test("a moved target is refused, and the completion can be merged and landed anew", async () => {
  const { claim, oid, claimed, repo } = await integrating({ "a.txt": "a\n" }, "release");
  const integrator = server.client("integrator");
  await server.client("admin").call("syncBranch", { params: { repo }, body: { branch: "release", oid: claim.job.baseOid } });
  await expect(integrator.call("landCompletion", { params: of(claimed), body: { mergedOid: oid, expectedOld: null } })).rejects.toMatchObject({
    code: "TARGET_MOVED",
  });
  const landed = await integrator.call("landCompletion", { params: of(claimed), body: { mergedOid: oid, expectedOld: claim.job.baseOid } });
  expect(landed.completion.state).toBe("landed");
});

test("a commit that does not build on the target cannot land", async () => {
  const { claim, claimed } = await integrating({ "a.txt": "a\n" }, "main");
  expect(claimed.targetOid).toBe(claim.job.baseOid);
  const other = await integrating({ "other.txt": "o\n" });
  await expect(
    server.client("integrator").call("landCompletion", { params: of(claimed), body: { mergedOid: other.oid, expectedOld: claimed.targetOid } }),
  ).rejects.toMatchObject({ code: "INVALID_REQUEST" });
});

test("a stale fence of a completion is refused everywhere", async () => {
  const { oid, claimed } = await integrating({ "a.txt": "a\n" });
  const integrator = server.client("integrator");
  const params = { completion: claimed.completion.id, fence: claimed.fence + 1 };
  const body = { mergedOid: oid, expectedOld: null };
  const stale = { code: "LEASE_LOST" };
  await expect(integrator.call("renewCompletion", { params, body: {} })).rejects.toMatchObject(stale);
  await expect(integrator.call("verifyCompletion", { params, body })).rejects.toMatchObject(stale);
  await expect(integrator.call("landCompletion", { params, body })).rejects.toMatchObject(stale);
  await expect(integrator.call("rejectCompletion", { params, body: { code: "MERGE_CONFLICT", message: "late" } })).rejects.toMatchObject(stale);
});

test.each(["before the ref moved", "after the ref moved"])("a crash %s is mended at the next start", async (when) => {
  const { claim, oid, claimed, repo } = await integrating({ "a.txt": "a\n" });
  const { plane } = server.server;
  const { target } = claimed.completion;
  await plane.store.intendLanding(claimed.completion.id, claimed.fence, { target, oldOid: null, newOid: oid });
  if (when === "after the ref moved") {
    await land(join(server.data, "server", "hub", repo), { branch: target, oldOid: null, newOid: oid, jobRef: claimed.hub.pushRef });
  }
  await server.restart();
  const { job } = await server.client("viewer").call("getJob", { params: { job: claim.job.id } });
  expect(job).toMatchObject({ state: "done", landedOid: oid });
  expect(await server.client("viewer").call("getBranch", { params: { repo }, query: { branch: target } })).toMatchObject({ oid });
});

test("an intent whose target went elsewhere is taken back at the next start", async () => {
  const { claim, oid, claimed, repo } = await integrating({ "a.txt": "a\n" }, "release");
  const { plane } = server.server;
  await plane.store.intendLanding(claimed.completion.id, claimed.fence, { target: "release", oldOid: null, newOid: oid });
  await server.client("admin").call("syncBranch", { params: { repo }, body: { branch: "release", oid: claim.job.baseOid } });
  await server.restart();
  const { job } = await server.client("viewer").call("getJob", { params: { job: claim.job.id } });
  expect(job.state).toBe("integrating");
  const landed = await server.client("integrator").call("landCompletion", { params: of(claimed), body: { mergedOid: oid, expectedOld: claim.job.baseOid } });
  expect(landed.completion.state).toBe("landed");
  expect(await readdir(join(server.data, "server", "hub"))).toContain(repo);
});
