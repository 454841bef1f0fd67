import type { JobView } from "@slipway/protocol/job";
import { MANIFEST_VERSION, type Manifest, manifestSchema } from "@slipway/protocol/manifest";
import { newId } from "@slipway/protocol/scalars";

/** What a job is asked for, where a test does not care. */
export const SAMPLE_REQUEST = {
  backend: "script",
  target: "main",
  lane: "normal",
  priority: 0,
  runAfter: null,
  dependsOn: [],
  dedupeKey: null,
  requires: [],
  maxAttempts: 3,
  budget: {},
  timeoutMs: 60_000,
  stallMs: 60_000,
  queueTimeoutMs: 86_400_000,
  retryOf: null,
  completionId: null,
} satisfies Partial<JobView>;

/** Of a backend that needs a model, or does not. */
export function sampleManifest(name: string, model: boolean): Manifest {
  const capabilities = { resume: false, usage: false, plan: false, model };
  return manifestSchema.parse({
    manifestVersion: MANIFEST_VERSION,
    name,
    version: "1",
    summary: "For a test.",
    capabilities,
    configSchema: {},
    secrets: [],
    image: {},
  });
}

/** A running job with nothing special about it but what is given. */
export function sampleJob(more: Partial<JobView> = {}): JobView {
  return {
    ...SAMPLE_REQUEST,
    id: newId(),
    number: 1,
    kind: "task",
    state: "running",
    repo: { id: "0197a000-0000-7000-8000-000000000001", name: "sample" },
    task: "Mend the sum\n\nIt is wrong.",
    title: "Mend the sum",
    backendConfig: {},
    permissions: "allow",
    mcpServers: {},
    readOnly: false,
    images: [],
    allowChecks: [],
    criteria: [],
    taskKind: "develop",
    taskSpec: {},
    landing: "train",
    ticket: null,
    submitter: null,
    revises: null,
    continues: null,
    delivery: null,
    routing: null,
    handover: null,
    revisions: null,
    revision: null,
    predicted: [],
    baseOid: "a".repeat(40),
    createdAt: 0,
    updatedAt: 0,
    endedAt: null,
    dueAt: null,
    attempts: 1,
    fence: 1,
    leaseUntil: null,
    workerId: null,
    failure: null,
    resultOid: null,
    diffStat: null,
    landedOid: null,
    usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 },
    lastSeq: 0,
    record: false,
    replay: null,
    ...more,
  };
}
