import type { JobKind, Lane } from "@slipway/protocol/job";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import type { JobState } from "@slipway/protocol/states";

/** Rows as SQLite gives them. JSON columns are text; times are ms since 1970. */

export interface JobTable {
  number: number;
  id: string;
  kind: JobKind;
  state: JobState;
  repo_id: string;
  backend: string;
  base_oid: string;
  target: string;
  lane: Lane;
  priority: number;
  run_after: number | null;
  dedupe_key: string | null;
  requires: string;
  max_attempts: number;
  timeout_ms: number;
  stall_ms: number;
  queue_timeout_ms: number;
  created_at: number;
  updated_at: number;
  ended_at: number | null;
  /** When its present state ends at the latest; null where it waits for other jobs, or is final. */
  due_at: number | null;
  /** Claims that count towards `max_attempts`: one that its worker's stop ended does not. */
  attempts: number;
  fence: number;
  lease_until: number | null;
  worker_id: string | null;
  failure: string | null;
  result_oid: string | null;
  diff_stat: string | null;
  landed_oid: string | null;
  input_tokens: number;
  cached_input_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  cost_usd: number;
  last_seq: number;
  /** Events up to this one are in segments. */
  packed_seq: number;
  /** Events up to this one are no longer kept. */
  dropped_seq: number;
  log_bytes: number;
  /** Dependencies that are not done yet. */
  unmet: number;
  /** Number of a dependency that failed or was cancelled. */
  broken_dependency: number | null;
  retry_of: string | null;
  completion_id: string | null;
}

export interface RepositoryTable {
  id: string;
  name: string;
  url: string | null;
  default_branch: string;
  max_running: number;
  /** JSON. */
  day_budget: string;
  /** JSON: what of `UpstreamSettings` is not the default. */
  upstream: string;
  /** JSON: `UpstreamSync`. */
  upstream_sync: string;
  created_at: number;
}

export interface CompletionTable {
  seq: number;
  id: string;
  job: number;
  repo_id: string;
  oid: string;
  base_oid: string;
  target: string;
  state: "pending" | "landing" | "landed" | "rejected" | "cancelled";
  fence: number;
  lease_until: number | null;
  merged_oid: string | null;
  merged_tree: string | null;
  verify_job_id: string | null;
  intent_target: string | null;
  intent_old_oid: string | null;
  intent_new_oid: string | null;
  landed_oid: string | null;
  created_at: number;
  place: number | null;
  flaky_gates: string | null;
  passed: number;
  batch_of: string | null;
  bisects: number;
  split_by: string | null;
  foreign_sandbox: SandboxKind | null;
}
