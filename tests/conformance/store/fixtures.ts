import { createHash } from "node:crypto";
import type { Receipt, VerifySpec } from "@slipway/protocol/job";
import { pullRequestSettingsSchema } from "@slipway/protocol/landing-modes";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { newId } from "@slipway/protocol/scalars";
import type { Outcome, RegisterWorker } from "@slipway/protocol/worker-api";
import type { CircuitLimits } from "@slipway/server/store/circuit-limits";
import type { DeliveryIntent } from "@slipway/server/store/deliveries";
import type { NotificationReceiver } from "@slipway/server/store/notifications";
import type { StateLimits } from "@slipway/server/store/state-limits";
import type { NewJob, RepositoryRow, Store } from "@slipway/server/store/store";
import { expect } from "vitest";
import { SAMPLE_REQUEST } from "../../support/sample-job.ts";

/** A store under test; what `open` made is gone after `close`. */
export interface OpenedStore {
  readonly store: Store;
  /** Closes the store and opens the same data again. */
  reopen(): Promise<Store>;
  close(): Promise<void>;
}
export type OpenStore = (options?: {
  logLimitBytesPerJob?: number;
  stateLimits?: StateLimits;
  circuitLimits?: CircuitLimits;
  receivers?: readonly NotificationReceiver[];
}) => Promise<OpenedStore>;

export const LEASE_TTL_MS = 60_000;
const CAPABILITIES = ["backend:script", "os:linux"];

export function oid(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export async function addRepository(store: Store, overrides: Partial<{ name: string; maxRunning: number }> = {}): Promise<RepositoryRow> {
  const input = { id: newId(), name: `repository ${newId()}`, url: null, defaultBranch: "main", maxRunning: 100, ...overrides };
  return (await store.createRepository(input)).repository;
}

export function newJob(repoId: string, overrides: Partial<NewJob> = {}): NewJob {
  return {
    ...SAMPLE_REQUEST,
    id: newId(),
    kind: "task",
    repoId,
    task: "Make the tests pass.",
    title: "Make the tests pass",
    backendConfig: { steps: [] },
    baseOid: oid("base"),
    ...overrides,
  };
}

export async function submit(store: Store, repoId: string, overrides: Partial<NewJob> = {}): Promise<string> {
  return (await store.submitJob(newJob(repoId, overrides))).job.id;
}

type ClaimRequest = Parameters<Store["claim"]>[0];

export function claimRequest(overrides: Partial<ClaimRequest> = {}): ClaimRequest {
  const base = { claimId: newId(), workerId: "worker-1", kinds: ["task" as const, "verify" as const], capabilities: CAPABILITIES, leaseTtlMs: LEASE_TTL_MS };
  return { ...base, credentialSha256: sha256(newId()), modelTokenSha256: sha256(newId()), meteredBackends: [], ...overrides };
}

export interface Lease {
  readonly jobId: string;
  readonly fence: number;
}

/** A claim that must succeed. */
export async function take(store: Store, overrides: Partial<ClaimRequest> = {}): Promise<Lease> {
  const claimed = await store.claim(claimRequest(overrides));
  if (!claimed) throw new Error("there was nothing to claim");
  return { jobId: claimed.job.id, fence: claimed.fence };
}

/** Ends a lease by the database's own clock, with no waiting: renewed for 0 ms, it is over at once. */
export async function expireLease(store: Store, lease: Lease, workerId = "worker-1"): Promise<void> {
  await store.renew(lease.jobId, lease.fence, workerId, 0);
}

export const change: Outcome = { kind: "change", oid: oid("change"), diffStat: { files: 1, insertions: 2, deletions: 3 } };

export function failed(code: Extract<Outcome, { kind: "failed" }>["failure"]["code"], retryAfterMs?: number): Extract<Outcome, { kind: "failed" }> {
  const failure = { code, message: `it ended with ${code}`, details: { from: "test" } };
  return { kind: "failed", failure, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

export function receipt(tree: string, gate: string, exitCode: number): Receipt {
  const digests = { setupDigest: sha256("setup"), environmentDigest: sha256("environment"), outputDigest: sha256("output") };
  return { tree, gate, command: `npm run ${gate}`, image: "host", exitCode, durationMs: 12.5, ...digests };
}

export function worker(workerId: string, sandbox: SandboxKind): RegisterWorker {
  return { workerId, name: "builder", slots: 1, verifySlots: 1, capabilities: CAPABILITIES, backends: [], sandbox, version: "1" };
}

export function verifySpec(completionId: string, text: string): VerifySpec {
  return { completionId, mergedOid: oid(`merged ${text}`), tree: oid(`tree ${text}`), config: {} as VerifySpec["config"] };
}

/** Submits a task and takes it to `integrating`; answers the claim on its completion. */
export async function completedJob(
  store: Store,
  repoId: string,
  overrides: Partial<NewJob> = {},
): Promise<{ jobId: string; completionId: string; fence: number }> {
  const jobId = await submit(store, repoId, overrides);
  const lease = await take(store, { kinds: ["task"] });
  expect(lease.jobId).toBe(jobId);
  await store.finish(jobId, lease.fence, change);
  const claimed = await store.claimCompletion(completionClaim());
  if (!claimed) throw new Error("there was no completion to claim");
  return { jobId, completionId: claimed.completion.id, fence: claimed.fence };
}

/** What is to be pushed for a completion, with nothing special about it but what is given. */
export function deliveryIntent(overrides: Partial<DeliveryIntent> = {}): DeliveryIntent {
  const plan = { base: "main", title: "A change", settings: pullRequestSettingsSchema.parse({}) };
  const commits = { oid: oid("merged"), mergedOid: oid("merged"), ontoOid: oid("onto"), tree: oid("tree") };
  return { mode: "pr", revises: null, branch: "slipway/1-a-change", ...commits, plan, ...overrides };
}

export function completionClaim(overrides: Partial<Parameters<Store["claimCompletion"]>[0]> = {}): Parameters<Store["claimCompletion"]>[0] {
  return { claimId: newId(), integratorId: "integrator-1", leaseTtlMs: LEASE_TTL_MS, credentialSha256: sha256(newId()), ...overrides };
}

export async function rejection(promise: Promise<unknown>): Promise<{ code: string; message: string; details: Record<string, unknown> }> {
  try {
    await promise;
  } catch (error) {
    return error as { code: string; message: string; details: Record<string, unknown> };
  }
  throw new Error("it should have been refused");
}

/** Everything that is stored of a job's events, read in small pages. */
export async function allEvents(store: Store, jobId: string, pageLimit = 7) {
  const events = [];
  for (let after = 0; ; ) {
    const page = await store.readEvents(jobId, after, pageLimit);
    if (page.events.length === 0) return events;
    events.push(...page.events);
    after = page.events.at(-1)?.seq ?? after;
  }
}

/** The states that a job went through, as its events tell. */
export async function statesOf(store: Store, jobId: string): Promise<string[]> {
  return (await allEvents(store, jobId)).flatMap((event) => (event.kind === "state" ? [event.data.to] : []));
}
