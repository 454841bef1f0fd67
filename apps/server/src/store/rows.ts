import type { CompletionView, JobKind, Lane, Receipt } from "@slipway/protocol/job";
import type { Manifest } from "@slipway/protocol/manifest";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";

/** A job as it enters the store: everything resolved, nothing left to default. */
export interface NewJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly repoId: string;
  readonly task: string;
  readonly title: string;
  readonly backend: string;
  readonly backendConfig: Record<string, unknown>;
  readonly baseOid: string;
  readonly target: string;
  readonly lane: Lane;
  readonly priority: number;
  readonly runAfter: number | null;
  readonly dependsOn: readonly string[];
  readonly dedupeKey: string | null;
  /** All capabilities that a worker must have, the backend's included. */
  readonly requires: readonly string[];
  readonly maxAttempts: number;
  readonly timeoutMs: number;
  readonly stallMs: number;
  /** What it waits for a worker, each time, in ms; from when nothing else holds it up. */
  readonly queueTimeoutMs: number;
  readonly retryOf: string | null;
  readonly completionId: string | null;
}

export interface WorkerRow {
  readonly id: string;
  readonly name: string;
  readonly slots: number;
  readonly sandbox: SandboxKind;
  readonly capabilities: string[];
  readonly backends: Manifest[];
  readonly version: string;
  readonly draining: boolean;
  readonly registeredAt: number;
  readonly lastSeenAt: number;
  readonly running: Array<{ jobId: string; number: number; fence: number }>;
}

export interface CompletionRow extends CompletionView {
  /** Receipts are asked for under this spec; null before the first request. */
  readonly mergedTree: string | null;
  /** What the attempt that made the commit ran in. */
  readonly sandbox: SandboxKind;
  readonly intent: { target: string; oldOid: string | null; newOid: string } | null;
}

/** Receipts of one tree, passing ones only. */
export type AttemptReceipts = Receipt[];
