import { changedPaths, hasCommit, readBranch, treeOf } from "@slipway/git/hub";
import { pathMatcher } from "@slipway/git/path-globs";
import type { Excuse } from "@slipway/protocol/baseline";
import { SlipwayError } from "@slipway/protocol/errors";
import { concernedGates, type Gate, gateCommand, hasPathFilter } from "@slipway/protocol/gates";
import type { VerifyResponse } from "@slipway/protocol/integrator-api";
import type { JobView, Receipt, VerifySpec } from "@slipway/protocol/job";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import { environmentCapability, type SandboxKind, sandboxCapability, sandboxOfImage } from "@slipway/protocol/sandbox-kind";
import { newId } from "@slipway/protocol/scalars";
import { setupDigest } from "@slipway/protocol/setup-digest";
import { isDocumentKind } from "@slipway/protocol/task-kinds";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { announce } from "../jobs/announce.ts";
import { readRepositoryConfig } from "../jobs/repository-config.ts";
import { VERIFY_QUEUE_TIMEOUT_MS } from "../store/state-limits.ts";
import type { BatchMember, CompletionRow, NewJob } from "../store/store.ts";
import { holdBatch } from "./batches.ts";
import { findCompletion, holdCompletion } from "./hold.ts";

/** A merged commit that an integrator wants on the target; `expectedOld` null: the target does not exist yet. */
export interface Merged {
  readonly mergedOid: string;
  readonly expectedOld: string | null;
  /** Those whose changes it has too, and that are verified and land with it, in order; `expectedOld` is what the first of them was merged onto. */
  readonly batch: readonly BatchMember[];
}

/** What the merged tree needs and what it has. */
export interface Judgement {
  readonly tree: string;
  /** From the target's own `.slipway.yaml` before the merge: a change cannot lower its own bar. */
  readonly config: RepositoryConfig;
  /** The receipt of each required gate, as far as there is one that lets it land: a passing one, or a red one of a gate that a person waived. */
  readonly receipts: Receipt[];
  readonly missing: Gate[];
  /** Required gates that are red and bounce nobody: their receipts are among `receipts`. */
  readonly excused: ReadonlyArray<{ readonly gate: string; readonly excuse: Excuse }>;
  /** Those of `missing` that were red by the same failure on the target before the merge. */
  readonly redBefore: readonly string[];
}

/**
 * Answers whether every required gate has a receipt for the merged tree. Where one is missing, a verify job is made, or looked at: `waiting` while it
 * is at work, `rejected` where a gate is red or the job itself did not end well. Asked twice, it does nothing twice.
 */
export async function verifyCompletion(plane: ControlPlane, id: string, fence: number, merged: Merged & { readonly run: number }): Promise<VerifyResponse> {
  const completion = await holdCompletion(plane, id, fence);
  await holdBatch(plane, completion, merged.batch);
  let judgement = await judge(plane, completion, merged);
  if (judgement.missing.length === 0) return { status: "verified", receipts: judgement.receipts };
  const { tree, config } = judgement;
  const base = await baseOf(plane, completion, merged);
  const spec = { completionId: id, mergedOid: merged.mergedOid, tree, config, ...base };
  const job = newVerifyJob(completion, merged.mergedOid, config);
  const { verifyJob, created, cancelled, revoked } = await plane.store.requestVerification(id, fence, spec, job, merged.run, merged.batch);
  for (const lease of revoked) plane.signals.send(lease.workerId, { type: "revoked", jobId: lease.jobId, fence: lease.fence, reason: "cancelled" });
  for (const ended of cancelled) announce(plane, ended);
  if (created) {
    announce(plane, verifyJob);
    plane.events.changed(completion.jobId, "events");
  }
  if (verifyJob.state === "queued" || verifyJob.state === "running" || verifyJob.state === "integrating")
    return { status: "waiting", verifyJobId: verifyJob.id };
  // It ended while nobody waited for it, as after a kill: only now its receipts are those that are looked at.
  if (!created && completion.verifyJobId !== verifyJob.id) {
    judgement = await judge(plane, await findCompletion(plane, id), merged);
    if (judgement.missing.length === 0) return { status: "verified", receipts: judgement.receipts };
  }
  if (merged.batch.length > 0) await plane.store.splitBatch(id, verifyJob.id);
  return await rejection(plane, verifyJob, judgement, merged.run);
}

/** What was merged onto; a merge of the train that has not landed yet is in the store of the jobs alone. */
async function baseOf(
  plane: ControlPlane,
  { repoId, baseOid, target }: CompletionRow,
  { expectedOld }: Merged,
): Promise<Pick<VerifySpec, "baseOid" | "baseFrom">> {
  if (expectedOld === null || expectedOld === baseOid) return { baseOid };
  const tip = await readBranch(hubRoot(plane.folder, repoId), target);
  return { baseOid: expectedOld, ...(tip === expectedOld ? {} : { baseFrom: "jobs" as const }) };
}

/** What the merged tree needs and has, by the rules of the trusted base. INVALID_REQUEST where the hub has no such commit. */
export async function judge(plane: ControlPlane, completion: CompletionRow, merged: Merged): Promise<Judgement> {
  const root = hubRoot(plane.folder, completion.repoId);
  if (!(await hasCommit(root, merged.mergedOid))) {
    throw new SlipwayError("INVALID_REQUEST", "The merged commit is not in the hub.", {
      field: "mergedOid",
      value: merged.mergedOid,
      expected: "a commit that was pushed to the claim's pushRef",
    });
  }
  const onto = merged.expectedOld ?? completion.baseOid;
  const [tree, whole] = await Promise.all([treeOf(root, merged.mergedOid), readRepositoryConfig(root, onto)]);
  const config = (await isDocumentAlone(plane, completion, root, whole)) ? { ...whole, gates: [] } : whole;
  const changed = config.gates.some(hasPathFilter) ? await changedPaths(root, onto, merged.mergedOid) : undefined;
  const gates = concernedGates(config.gates, changed, pathMatcher);
  const own = gates.length > 0 ? await ownReceipts(plane, completion, merged, tree) : [];
  const proofs = gates.length > 0 ? await proofsOf(plane, completion, own, tree) : [];
  const digest = setupDigest(config);
  const ofGate = (receipts: readonly Receipt[], gate: Gate): Receipt[] =>
    receipts.filter((receipt) => receipt.gate === gate.name && receipt.command === gateCommand(gate) && receipt.setupDigest === digest);
  const found = gates.map((gate) => {
    const proven = ofGate(proofs, gate);
    // Of a gate that a person waived there has to be a receipt too, and it may be a red one.
    const receipt = proven.find(({ exitCode }) => exitCode === 0) ?? (completion.waivedGates.includes(gate.name) ? proven[0] : undefined);
    return { gate, receipt, red: ofGate(own, gate)[0] };
  });
  const excuseOf = found.some(({ receipt, red }) => !receipt && red) ? await excuses(plane, completion.repoId, await treeOf(root, onto)) : () => undefined;
  const judged = found.map((one) => ({ ...one, excuse: !one.receipt && one.red ? excuseOf(one.red) : undefined }));
  const isExcused = ({ excuse }: { readonly excuse: Excuse | undefined }): boolean =>
    excuse === "quarantined" || (excuse === "before" && config.baseline === "tolerate");
  const missing = judged.filter((one) => !one.receipt && !isExcused(one));
  return {
    tree,
    config,
    receipts: judged.flatMap((one) => one.receipt ?? (isExcused(one) && one.red ? [one.red] : [])),
    missing: missing.map(({ gate }) => gate),
    excused: judged.flatMap((one) => (isExcused(one) && one.excuse ? [{ gate: one.gate.name, excuse: one.excuse }] : [])),
    redBefore: missing.flatMap(({ gate, excuse }) => (excuse === "before" ? [gate.name] : [])),
  };
}

/** Whether all that the completion changes is the document that its job was to write, and the target asks for no gates then. */
async function isDocumentAlone(plane: ControlPlane, { jobId, baseOid, oid }: CompletionRow, root: string, { documents }: RepositoryConfig): Promise<boolean> {
  const job = documents.gates ? undefined : await plane.store.getJob(jobId);
  if (!job || !isDocumentKind(job.taskKind)) return false;
  const paths = await changedPaths(root, baseOid, oid);
  return paths.length === 1 && paths[0] === job.taskSpec.document;
}

/** Receipts of the completion's own verify job, red ones too, made in the kind of sandbox that the change was made in. */
async function ownReceipts(plane: ControlPlane, { mergedOid, verifyJobId, sandbox }: CompletionRow, merged: Merged, tree: string): Promise<Receipt[]> {
  const isAsked = verifyJobId !== null && mergedOid === merged.mergedOid;
  const own = isAsked ? ((await plane.store.getJobDetail(verifyJobId))?.receipts ?? []) : [];
  return own.filter((receipt) => receipt.tree === tree && sandboxOfImage(receipt.image) === sandbox);
}

/** What speaks for a red gate: its very failure is known to come and go, or the target before the merge has it too, run in the same way. */
async function excuses(plane: ControlPlane, repoId: string, onto: string): Promise<(red: Receipt) => Excuse | undefined> {
  const { baselines, quarantined } = await plane.store.baselines(repoId, onto);
  return (red) => {
    if (red.failureDigest === undefined) return undefined;
    if (quarantined.some(({ gate, failureDigest }) => gate === red.gate && failureDigest === red.failureDigest)) return "quarantined";
    const same = baselines.filter((one) => SAME_RUN.every((key) => one[key] === red[key]));
    const isRed = same.some(({ exitCode, failureDigest }) => exitCode !== 0 && failureDigest === red.failureDigest);
    return isRed && same.every(({ exitCode }) => exitCode !== 0) ? "before" : undefined;
  };
}

const SAME_RUN = ["gate", "command", "setupDigest", "image", "environmentDigest"] as const;

/**
 * Receipts of this tree that were made in the kind of sandbox that the change was made in: those of the completion's own verify job, red ones too, and
 * equal passing ones of others, where a worker that could verify it now has the environment that they were made in.
 */
async function proofsOf(plane: ControlPlane, { repoId, sandbox }: CompletionRow, own: readonly Receipt[], tree: string): Promise<Receipt[]> {
  const equal = await plane.store.receiptsFor(repoId, tree);
  const environments = equal.length > 0 ? await environmentsNow(plane, sandbox) : new Set<string>();
  const proofs = [...own, ...equal.filter(({ environmentDigest }) => environments.has(environmentCapability(environmentDigest)))];
  return proofs.filter((receipt) => receipt.tree === tree && sandboxOfImage(receipt.image) === sandbox);
}

/** Capabilities of the workers that would take a verify job for this kind of sandbox, the environments that their gates see among them. */
async function environmentsNow(plane: ControlPlane, sandbox: SandboxKind): Promise<Set<string>> {
  const workers = (await plane.store.listWorkers()).filter((worker) => !worker.draining && plane.signals.isConnected(worker.id));
  return new Set(workers.flatMap(({ capabilities }) => (capabilities.includes(sandboxCapability(sandbox)) ? capabilities : [])));
}

function newVerifyJob(completion: CompletionRow, mergedOid: string, config: RepositoryConfig): NewJob {
  const seconds = config.gates.reduce((sum, gate) => sum + gate.timeoutSeconds * (1 + (gate.retries ?? 0)), config.setup.timeoutSeconds + 120);
  const timeoutMs = Math.min(Math.ceil(seconds * 1_000), 86_400_000);
  return {
    id: newId(),
    kind: "verify",
    repoId: completion.repoId,
    task: `Verify ${mergedOid} for ${completion.target}: run ${config.gates.map(({ name }) => name).join(", ")}.`,
    title: `Verify ${mergedOid.slice(0, 10)} for ${completion.target}`,
    backend: "verify",
    backendConfig: {},
    baseOid: mergedOid,
    target: completion.target,
    lane: "interactive",
    priority: 0,
    runAfter: null,
    dependsOn: [],
    dedupeKey: null,
    requires: [sandboxCapability(completion.sandbox)],
    maxAttempts: 3,
    budget: {},
    timeoutMs,
    stallMs: timeoutMs,
    queueTimeoutMs: VERIFY_QUEUE_TIMEOUT_MS,
    retryOf: null,
    completionId: completion.id,
  };
}

/** The verify job is over, or stuck, and receipts are missing. */
async function rejection(plane: ControlPlane, verifyJob: JobView, { tree, config, missing, redBefore }: Judgement, run: number): Promise<VerifyResponse> {
  const details = { verifyJobId: verifyJob.id, verifyJob: verifyJob.number };
  if (verifyJob.state === "done") {
    const receipts = (await plane.store.getJobDetail(verifyJob.id))?.receipts ?? [];
    const red = missing.map((gate) => ({
      gate: gate.name,
      exitCode: receipts.find((receipt) => receipt.tree === tree && receipt.gate === gate.name)?.exitCode ?? null,
      redBefore: redBefore.includes(gate.name),
    }));
    const names = red.map(({ gate, exitCode }) => (exitCode === null ? `${gate} (did not run)` : `${gate} (exit ${exitCode})`)).join(", ");
    if (missing.every(({ name }) => redBefore.includes(name))) {
      const message = `On the merged tree these gates fail, and by the same failures they fail without the change: ${names}.`;
      return { status: "rejected", code: "BASELINE_RED", message, details: { ...details, gates: red }, mayRunAgain: false };
    }
    const hint = `\`slipway show ${verifyJob.number}\` lists the whole outputs of its gates, and --artifact NAME prints one. Then give the agent a better task.`;
    // A gate that runs again by itself was red each time.
    const mayRunAgain = run === 1 && config.landing.train.retries > 0 && missing.some(({ retries = 0 }) => retries === 0);
    const message = `On the merged tree these gates fail: ${names}.${run === 2 ? " It was verified twice." : ""}`;
    return { status: "rejected", code: "GATES_FAILED", message, details: { ...details, gates: red, hint }, mayRunAgain };
  }
  if (verifyJob.state === "blocked") {
    // The completion does not wait for a person, or it would hold up every other one of its target. Nobody needs the verify job any more.
    announce(plane, (await plane.store.cancelJob(verifyJob.id, "its completion was given up")).job);
  }
  const { failure } = verifyJob;
  return {
    status: "rejected",
    code: failure?.code ?? "CANCELLED",
    message: `The merged tree could not be verified: ${failure?.message ?? "the verify job was cancelled"}`,
    details: { ...failure?.details, ...details },
    mayRunAgain: false,
  };
}
