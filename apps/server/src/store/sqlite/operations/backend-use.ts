import { BACKEND_USE_DAYS } from "@slipway/protocol/backend-view";
import type { ErrorCode } from "@slipway/protocol/errors";
import type { BackendUse } from "../../rows.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const DAY_MS = 86_400_000;
const TODAY = `${NOW} / ${DAY_MS} * ${DAY_MS}`;

// Every backend that had an attempt, by one step of the index each: their attempts are many, they are few.
const NAMES = `
  WITH RECURSIVE names (backend) AS (
    SELECT (SELECT min(backend) FROM attempts INDEXED BY attempts_by_backend WHERE ended_at IS NOT NULL)
    UNION ALL
    SELECT (SELECT min(backend) FROM attempts INDEXED BY attempts_by_backend WHERE ended_at IS NOT NULL AND backend > names.backend) FROM names WHERE backend IS NOT NULL
  )
  SELECT backend FROM names WHERE backend IS NOT NULL AND backend <> ''`;

const TODAYS = `
  SELECT count(DISTINCT job) AS jobs, count(*) AS attempts, CAST(total(model_input_tokens + model_output_tokens) AS INTEGER) AS tokens, total(model_cost_usd) AS costUsd
  FROM attempts a INDEXED BY attempts_by_backend WHERE backend = @backend AND ended_at IS NOT NULL AND ended_at >= ${TODAY}
    AND EXISTS (SELECT 1 FROM jobs j WHERE j.number = a.job AND j.kind = 'task')`;

const RECENT = `
  SELECT total(outcome IN ('change', 'answer')) AS good, total(outcome = 'failed') AS failed
  FROM attempts INDEXED BY attempts_by_backend WHERE backend = @backend AND ended_at IS NOT NULL AND ended_at >= ${NOW} - ${BACKEND_USE_DAYS * DAY_MS}`;

const LAST = `
  SELECT job, ended_at AS at, outcome, failure ->> '$.code' AS code FROM attempts a INDEXED BY attempts_by_backend
  WHERE backend = @backend AND ended_at IS NOT NULL AND outcome IN ('change', 'answer', 'failed') ORDER BY ended_at DESC LIMIT 1`;

const RUNNING = "SELECT count(*) AS running FROM jobs INDEXED BY jobs_leases WHERE state = 'running' AND kind = 'task' AND backend = @backend";

export function backendUse(db: Database, more: readonly string[]): BackendUse[] {
  const names = new Set([...more, ...db.all<{ backend: string }>(NAMES).map(({ backend }) => backend)]);
  return [...names].sort().map((backend) => {
    const recent = db.get<{ good: number; failed: number }>(RECENT, { backend });
    return {
      backend,
      running: db.get<{ running: number }>(RUNNING, { backend })?.running ?? 0,
      today: db.get<BackendUse["today"]>(TODAYS, { backend }) ?? { jobs: 0, attempts: 0, tokens: 0, costUsd: 0 },
      recent: { good: recent?.good ?? 0, failed: recent?.failed ?? 0 },
      last: db.get<{ job: number; at: number; outcome: string; code: ErrorCode | null }>(LAST, { backend }) ?? null,
    };
  });
}
