import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import type { Database } from "./database.ts";
import type { JobTable } from "./tables.ts";

export type JobViewRow = JobTable & {
  repo_name: string;
  task: string;
  title: string;
  backend_config: string;
  depends_on: string;
  budget: string;
  turn_settings: string;
  cassette: string;
  routing: string | null;
  handover: string | null;
  revision: string | null;
  predicted: string | null;
  delivery: string | null;
};

// Few jobs have one, and only for these the pull request is looked for.
const DELIVERY = `CASE WHEN d.job IS NOT NULL THEN json_object('mode', d.mode, 'state', d.state, 'branch', d.branch, 'oid', d.oid, 'ofJob', d.of_job, 'pullRequest',
      json(COALESCE((SELECT json_object('number', p.number, 'url', p.url, 'state', p.state, 'revisions', p.revisions) FROM pull_requests p WHERE p.job = d.of_job), 'null'))) END`;

/** Columns and joins of a `JobViewRow`; `more` columns are of `j`, the job, and `s`, its spec. */
export function jobViewWith(more: string): string {
  return `
  SELECT j.*, s.task, s.title, s.backend_config, s.depends_on, s.budget, s.turn_settings, s.cassette, s.routing, s.handover,
    s.revision, s.predicted, r.name AS repo_name, ${DELIVERY} AS delivery${more === "" ? "" : `, ${more}`}
  FROM jobs j JOIN job_specs s ON s.job = j.number JOIN repositories r ON r.id = j.repo_id LEFT JOIN deliveries d ON d.job = j.number`;
}

export const JOB_VIEW = jobViewWith("");

export function jobView(row: JobViewRow): JobView {
  return {
    id: row.id,
    number: row.number,
    kind: row.kind,
    state: row.state,
    repo: { id: row.repo_id, name: row.repo_name },
    task: row.task,
    title: row.title,
    backend: row.backend,
    backendConfig: JSON.parse(row.backend_config),
    permissions: "allow",
    mcpServers: {},
    readOnly: false,
    images: [],
    allowChecks: [],
    criteria: [],
    taskKind: "develop",
    taskSpec: {},
    revisions: null,
    landing: "train",
    ticket: null,
    submitter: null,
    revises: null,
    continues: null,
    ...JSON.parse(row.turn_settings),
    routing: row.routing === null ? null : JSON.parse(row.routing),
    delivery: row.delivery === null ? null : JSON.parse(row.delivery),
    handover: row.handover === null ? null : JSON.parse(row.handover),
    revision: row.revision === null ? null : JSON.parse(row.revision),
    // What was foreseen has come, or not, once the job is final.
    predicted: row.predicted === null || isFinal(row.state) ? [] : JSON.parse(row.predicted),
    baseOid: row.base_oid,
    target: row.target,
    lane: row.lane,
    priority: row.priority,
    runAfter: row.run_after,
    dependsOn: JSON.parse(row.depends_on),
    dedupeKey: row.dedupe_key,
    requires: JSON.parse(row.requires),
    maxAttempts: row.max_attempts,
    budget: JSON.parse(row.budget),
    timeoutMs: row.timeout_ms,
    stallMs: row.stall_ms,
    queueTimeoutMs: row.queue_timeout_ms,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    endedAt: row.ended_at,
    dueAt: row.due_at,
    attempts: row.attempts,
    fence: row.fence,
    leaseUntil: row.lease_until,
    workerId: row.worker_id,
    failure: row.failure === null ? null : JSON.parse(row.failure),
    resultOid: row.result_oid,
    diffStat: row.diff_stat === null ? null : JSON.parse(row.diff_stat),
    landedOid: row.landed_oid,
    usage: {
      inputTokens: row.input_tokens,
      cachedInputTokens: row.cached_input_tokens,
      outputTokens: row.output_tokens,
      reasoningTokens: row.reasoning_tokens,
      costUsd: row.cost_usd,
    },
    lastSeq: row.last_seq,
    retryOf: row.retry_of,
    record: false,
    replay: null,
    ...JSON.parse(row.cassette),
    completionId: row.completion_id,
  };
}

/** The view of a job that is known to exist. */
export function readJobView(db: Database, number: number): JobView {
  const row = db.get<JobViewRow>(`${JOB_VIEW} WHERE j.number = @number`, { number });
  if (!row) throw new SlipwayError("NOT_FOUND", `There is no job ${number}.`, { job: number });
  return jobView(row);
}

/** The row of a job, or NOT_FOUND. */
export function requireJob(db: Database, id: string): JobTable {
  const row = db.get<JobTable>("SELECT * FROM jobs WHERE id = @id", { id });
  if (!row) throw new SlipwayError("NOT_FOUND", `There is no job ${id}.`, { job: id });
  return row;
}
