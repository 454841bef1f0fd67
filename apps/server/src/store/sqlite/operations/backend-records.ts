import type { ErrorCode } from "@slipway/protocol/errors";
import { ERRORS } from "@slipway/protocol/errors";
import type { BackendRecord } from "../../rows.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

/** How far back the health of a backend is looked for: this many attempts, none of them older than this, in ms. */
const HEALTH_ATTEMPTS = 10;
const HEALTH_MS = 86_400_000;
/** Jobs that the cost of one is the average of. */
const COST_JOBS = 20;

const ENDINGS = `
  SELECT outcome, json_extract(failure, '$.code') AS code FROM attempts INDEXED BY attempts_by_backend
  WHERE backend = @backend AND ended_at IS NOT NULL AND ended_at > ${NOW} - ${HEALTH_MS} AND outcome IN ('change', 'failed')
  ORDER BY ended_at DESC LIMIT ${HEALTH_ATTEMPTS}`;

// Not of jobs that several backends worked on: what each of them took is not kept apart for all.
const COST = `
  SELECT count(*) AS jobs, avg(usd) AS usd, avg(tokens) AS tokens FROM (
    SELECT j.cost_usd AS usd, j.input_tokens + j.output_tokens AS tokens
    FROM (SELECT job, max(ended_at) AS at FROM attempts INDEXED BY attempts_by_backend WHERE backend = @backend AND ended_at IS NOT NULL GROUP BY job) a
    JOIN jobs j ON j.number = a.job JOIN job_specs s ON s.job = a.job
    WHERE j.input_tokens + j.output_tokens > 0 AND s.handover IS NULL AND j.backend = @backend
    ORDER BY a.at DESC LIMIT ${COST_JOBS}
  )`;

const RUNNING = "SELECT count(*) AS running FROM jobs INDEXED BY jobs_leases WHERE state = 'running' AND kind = 'task' AND backend = @backend";

export function backendRecords(db: Database, backends: readonly string[]): BackendRecord[] {
  return backends.map((backend) => {
    const endings = db.all<{ outcome: string; code: ErrorCode | null }>(ENDINGS, { backend });
    const cost = db.get<{ jobs: number; usd: number | null; tokens: number | null }>(COST, { backend });
    return {
      backend,
      ended: endings.length,
      faults: endings.filter(({ code }) => code !== null && ERRORS[code].backend === "down").length,
      running: db.get<{ running: number }>(RUNNING, { backend })?.running ?? 0,
      cost: cost && cost.jobs > 0 ? { jobs: cost.jobs, usd: cost.usd ?? 0, tokens: Math.round(cost.tokens ?? 0) } : null,
    };
  });
}
