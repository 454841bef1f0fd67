import type { JobView } from "@slipway/protocol/job";
import { OVERVIEW_LIMITS } from "@slipway/protocol/overview";
import type { FrozenTarget } from "@slipway/protocol/train";
import type { OverviewRows } from "../../rows.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { dayLedger } from "../day-budget.ts";
import { JOB_VIEW, type JobViewRow, jobView } from "../job-view.ts";
import { CAR_COLUMNS, CARS_IN_ORDER, CARS_ON_THEIR_WAY, type CarRow, trainCar } from "../train-car.ts";
import { listCircuits } from "./list-circuits.ts";
import { listWorkers } from "./list-workers.ts";

const DAY_MS = 86_400_000;

// Jobs of before are not looked at: those of the present by their states, those of today by their end. What all 10,000 jobs of an installation had is never read.
const ACTIVE = `
  SELECT state, count(*) AS jobs FROM jobs INDEXED BY jobs_by_state
  WHERE state IN ('running', 'integrating', 'blocked') AND kind = 'task' GROUP BY state`;

const ENDED = "SELECT state, count(*) AS jobs FROM jobs INDEXED BY jobs_ended WHERE ended_at >= @today AND kind = 'task' GROUP BY state";

const BLOCKED = `${JOB_VIEW} WHERE j.state = 'blocked' ORDER BY j.updated_at LIMIT ${OVERVIEW_LIMITS.blocked}`;

const RUNNING = `
  SELECT j.id, j.number, s.title, j.kind, j.repo_id AS repoId, r.name AS repoName, j.backend, j.lane, j.worker_id AS workerId, j.fence, j.attempts,
    j.max_attempts AS maxAttempts, a.started_at AS since, j.input_tokens + j.output_tokens AS tokens, j.cost_usd AS costUsd, j.due_at AS deadline,
    (SELECT json_object('at', e.at, 'data', json(e.data)) FROM events e INDEXED BY events_phases
      WHERE e.job = j.number AND e.kind = 'phase' AND e.fence = j.fence ORDER BY e.seq DESC LIMIT 1) AS phase
  FROM jobs j INDEXED BY jobs_leases JOIN job_specs s ON s.job = j.number JOIN repositories r ON r.id = j.repo_id
    JOIN attempts a ON a.job = j.number AND a.fence = j.fence
  WHERE j.state = 'running' ORDER BY j.number LIMIT ${OVERVIEW_LIMITS.running}`;

// One pass over what is queued. What holds a job up stands in the order in which `explain` looks; of a group's jobs the one whose turn comes first is told:
// with one `min()`, SQLite takes the other columns from its row.
const WAITING = `
  WITH full AS (
    SELECT r.id FROM repositories r
    WHERE r.max_running <= (SELECT count(*) FROM jobs b INDEXED BY jobs_running WHERE b.repo_id = r.id AND b.kind = 'task' AND b.state = 'running')
  ), queued AS (
    SELECT number, kind, lane, created_at, claim_rank, repo_id, backend, requires, CASE
      WHEN unmet > 0 THEN 'jobs'
      WHEN run_after > ${NOW} THEN 'time'
      WHEN kind = 'task' AND repo_id IN (SELECT id FROM full) THEN 'repository'
      ELSE 'worker' END AS cause
    FROM jobs INDEXED BY jobs_by_state WHERE state = 'queued'
  )
  SELECT cause, kind, count(*) AS jobs, min(claim_rank * 1000000000 + number) AS turn, number AS first,
    CASE WHEN cause IN ('repository', 'worker') THEN repo_id END AS repoId, CASE WHEN cause = 'worker' THEN backend END AS backend,
    total(kind = 'task' AND lane = 'interactive') AS interactive, total(kind = 'task' AND lane = 'normal') AS normal,
    total(kind = 'task' AND lane = 'background') AS background
  FROM queued
  GROUP BY cause, kind, CASE WHEN cause IN ('repository', 'worker') THEN repo_id END, CASE WHEN cause = 'worker' THEN backend END,
    CASE WHEN cause = 'worker' THEN requires END
  ORDER BY count(*) DESC, turn`;

const FIRST = `${JOB_VIEW} WHERE j.number IN (SELECT value FROM json_each(@numbers))`;

const CARS = `
  SELECT c.repo_id AS repoId, r.name AS repoName, c.target, ${CAR_COLUMNS}
  FROM ${CARS_ON_THEIR_WAY} JOIN repositories r ON r.id = c.repo_id
  WHERE c.state IN ('pending', 'landing') ORDER BY r.name, ${CARS_IN_ORDER} LIMIT ${OVERVIEW_LIMITS.cars}`;

const FROZEN = `
  SELECT f.repo_id AS repoId, r.name AS repoName, f.target, f.code, f.reason, f.by_name AS "by", f.at
  FROM frozen_targets f JOIN repositories r ON r.id = f.repo_id ORDER BY r.name, f.target`;

const LANDED = `
  FROM jobs j INDEXED BY jobs_ended LEFT JOIN deliveries d ON d.job = j.number
  WHERE j.ended_at >= @today AND j.state = 'done' AND j.kind = 'task' AND (j.landed_oid IS NOT NULL OR d.job IS NOT NULL)`;

const NEWEST_LANDED = `
  SELECT n.*, s.title, r.name AS repoName, (SELECT json_object('number', p.number, 'url', p.url) FROM pull_requests p WHERE p.job = n.ofJob) AS pullRequest FROM (
    SELECT j.id, j.number, j.repo_id AS repoId, j.target, j.ended_at AS at, j.landed_oid AS landedOid, j.diff_stat AS diffStat, d.of_job AS ofJob ${LANDED}
    ORDER BY j.ended_at DESC LIMIT ${OVERVIEW_LIMITS.landed}
  ) n JOIN job_specs s ON s.job = n.number JOIN repositories r ON r.id = n.repoId`;

const FAILURES = `
  SELECT failure ->> '$.code' AS code, count(*) AS jobs, max(number) AS newest FROM jobs INDEXED BY jobs_ended
  WHERE ended_at >= @today AND state = 'failed' AND kind = 'task' AND failure IS NOT NULL GROUP BY 1 ORDER BY jobs DESC, newest DESC`;

type Repo = { repoId: string; repoName: string };
type GroupRow = Omit<OverviewRows["waiting"]["groups"][number], "first"> & Record<"first" | "interactive" | "normal" | "background", number>;
type RunningRow = Omit<OverviewRows["running"][number], "repo" | "phase"> & Repo & { phase: string | null };
type LandedRow = Omit<OverviewRows["landed"]["newest"][number], "repo" | "pullRequest" | "diffStat"> &
  Repo & { pullRequest: string | null; diffStat: string | null };

export function overview(db: Database): OverviewRows {
  const { leftMs, ...spending } = dayLedger(db);
  const today = spending.resetsAt - DAY_MS;
  const byState = new Map(
    [...db.all<{ state: string; jobs: number }>(ACTIVE), ...db.all<{ state: string; jobs: number }>(ENDED, { today })].map((row) => [row.state, row.jobs]),
  );
  const of = (state: string): number => byState.get(state) ?? 0;
  const { queued, ...waiting } = waitingGroups(db);
  return {
    at: spending.resetsAt - leftMs,
    today,
    counts: {
      queued,
      running: of("running"),
      integrating: of("integrating"),
      blocked: of("blocked"),
      done: of("done"),
      failed: of("failed"),
      cancelled: of("cancelled"),
    },
    blocked: db.all<JobViewRow>(BLOCKED).map(jobView),
    running: db
      .all<RunningRow>(RUNNING)
      .map(({ repoId, repoName, phase, ...job }) => ({ ...job, repo: { id: repoId, name: repoName }, phase: phaseOf(phase) })),
    workers: listWorkers(db),
    waiting,
    trains: trains(db),
    landed: {
      jobs: db.get<{ jobs: number }>(`SELECT count(*) AS jobs ${LANDED}`, { today })?.jobs ?? 0,
      newest: db.all<LandedRow & { ofJob: number | null }>(NEWEST_LANDED, { today }).map(({ repoId, repoName, pullRequest, diffStat, ofJob: _, ...job }) => ({
        ...job,
        repo: { id: repoId, name: repoName },
        pullRequest: pullRequest === null ? null : JSON.parse(pullRequest),
        diffStat: diffStat === null ? null : JSON.parse(diffStat),
      })),
    },
    failures: db.all<OverviewRows["failures"][number]>(FAILURES, { today }),
    spending,
    circuits: listCircuits(db),
  };
}

function waitingGroups(db: Database): OverviewRows["waiting"] & { queued: number } {
  const rows = db.all<GroupRow>(WAITING);
  const shown = rows.slice(0, OVERVIEW_LIMITS.groups);
  const firsts = new Map(db.all<JobViewRow>(FIRST, { numbers: JSON.stringify(shown.map(({ first }) => first)) }).map((row) => [row.number, jobView(row)]));
  const sum = (key: "jobs" | "interactive" | "normal" | "background", of: readonly GroupRow[]): number => of.reduce((total, row) => total + row[key], 0);
  const lanes = { interactive: sum("interactive", rows), normal: sum("normal", rows), background: sum("background", rows) };
  return {
    queued: lanes.interactive + lanes.normal + lanes.background,
    jobs: sum("jobs", rows),
    lanes,
    groups: shown.map(({ cause, kind, jobs, repoId, backend, first }) => ({ cause, kind, jobs, repoId, backend, first: firsts.get(first) as JobView })),
    others: sum("jobs", rows) - sum("jobs", shown),
  };
}

function phaseOf(json: string | null): OverviewRows["running"][number]["phase"] {
  if (json === null) return null;
  const { at, data } = JSON.parse(json) as { at: number; data: { phase: NonNullable<OverviewRows["running"][number]["phase"]>["name"]; status: string } };
  return { name: data.phase, at, isOver: data.status !== "started" };
}

function trains(db: Database): OverviewRows["trains"] {
  const cars = db.all<CarRow & Repo & { target: string }>(CARS).map(trainCar);
  const frozen = db.all<FrozenTarget & Repo>(FROZEN);
  const keyOf = ({ repoId, target }: { repoId: string; target: string }): string => `${repoId} ${target}`;
  const targets = new Map([...cars, ...frozen].map((one) => [keyOf(one), one]));
  return [...targets].map(([key, { repoId, repoName, target }]) => {
    const stopped = frozen.find((one) => keyOf(one) === key);
    return {
      repo: { id: repoId, name: repoName },
      target,
      frozen: stopped ? { target, code: stopped.code, reason: stopped.reason, by: stopped.by, at: stopped.at } : null,
      cars: cars.filter((car) => keyOf(car) === key).map(({ repoId: _, repoName: __, target: ___, ...car }) => car),
    };
  });
}
