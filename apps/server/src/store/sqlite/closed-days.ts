import type { DayBudget } from "@slipway/protocol/budget";
import type { ClosedDay } from "../rows.ts";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";
import { type DayLedger, dayLedger } from "./day-budget.ts";
import { ROUNDING } from "./model-budget.ts";

/** Jobs that the present day has no room for. */
export interface Closing extends Omit<ClosedDay, "of"> {
  /** Null: of all repositories. */
  readonly repoId: string | null;
  readonly backend: string;
  /** The jobs' model setting, empty for those without one; null: of all. */
  readonly model: string | null;
}

const TODAY = `date(${NOW} / 1000, 'unixepoch')`;
const REFUSALS = `SELECT repo_id AS repoId, backend, model, unit, wanted FROM day_refusals WHERE day = ${TODAY}`;

// A few repositories, as claims look at each of them anyway.
const BOUNDED = "SELECT id, day_budget AS dayBudget FROM repositories WHERE day_budget <> '{}'";

interface Refusal {
  readonly repoId: string;
  readonly backend: string;
  readonly model: string;
  readonly unit: "tokens" | "usd";
  readonly wanted: number;
}

/** What of the day is used up, for jobs of any of `backends`, whose calls are counted, and for those that were refused a call today. */
export function closedDays(db: Database, dayBudget: DayBudget, backends: readonly string[]): Closing[] {
  const repositories = db.all<{ id: string; dayBudget: string }>(BOUNDED);
  if (isUnbounded(dayBudget) && repositories.length === 0) return [];
  const refusals = db.all<Refusal>(REFUSALS);
  const of = (repoId: string): Refusal[] => refusals.filter((refusal) => refusal.repoId === repoId);
  return [
    ...(isUnbounded(dayBudget) ? [] : closingsOf(dayBudget, dayLedger(db), { repoId: null, backends, refusals: of("") })),
    ...repositories.flatMap(({ id, dayBudget: own }) => closingsOf(JSON.parse(own), dayLedger(db, id), { repoId: id, backends, refusals: of(id) })),
  ];
}

/** Of a budget without a limit. */
export function isUnbounded({ tokens, usd }: DayBudget): boolean {
  return tokens === undefined && usd === undefined;
}

function closingsOf(
  budget: DayBudget,
  ledger: DayLedger,
  { repoId, backends, refusals }: { repoId: string | null; backends: readonly string[]; refusals: readonly Refusal[] },
): Closing[] {
  return (["tokens", "usd"] as const).flatMap((unit) => {
    const limit = budget[unit];
    if (limit === undefined) return [];
    const closed = { repoId, unit, limit, spent: ledger[unit], resetsAt: ledger.resetsAt };
    const left = limit - ledger[unit] + ROUNDING;
    const tooMuch = refusals.filter((refusal) => refusal.unit === unit && refusal.wanted > left);
    return [
      ...(left <= 2 * ROUNDING ? backends.map((backend) => ({ ...closed, backend, model: null, wanted: null })) : []),
      ...tooMuch.map(({ backend, model, wanted }) => ({ ...closed, backend, model, wanted })),
    ];
  });
}

const FORGET = `DELETE FROM day_refusals WHERE day <> ${TODAY}`;
const REMEMBER = `
  INSERT INTO day_refusals (day, repo_id, backend, model, unit, wanted) VALUES (${TODAY}, @repoId, @backend, @model, @unit, @wanted)
  ON CONFLICT DO UPDATE SET wanted = min(wanted, excluded.wanted)`;

/** Keeps that the rest of the day had no room for a call of a job, so that jobs like it wait. */
export function closeDay(db: Database, refusal: Refusal): void {
  db.run(FORGET);
  db.run(REMEMBER, { ...refusal });
}

const IS_CLOSED = `
  SELECT 1 FROM day_refusals r JOIN jobs j ON j.number = @number JOIN job_specs s ON s.job = j.number
  WHERE r.day = ${TODAY} AND r.backend = j.backend AND r.model = COALESCE(s.backend_config ->> '$.model', '') AND r.repo_id IN ('', j.repo_id)`;

/** Whether claims leave the job, for as long as the day has no more room. */
export function isKeptForDay(db: Database, number: number): boolean {
  return db.get(IS_CLOSED, { number }) !== undefined;
}

const OF_JOB = `
  SELECT j.repo_id AS repoId, j.backend, s.backend_config ->> '$.model' AS model, s.cassette ->> '$.replay' IS NOT NULL AS isReplay, j.kind
  FROM jobs j JOIN job_specs s ON s.job = j.number WHERE j.number = @number`;

/** The first thing of the day that keeps this job from being claimed; null where nothing does. `isMetered`: its calls are counted, whatever was refused today. */
export function closedDayOf(db: Database, number: number, { dayBudget, isMetered }: { dayBudget: DayBudget; isMetered: boolean }): ClosedDay | null {
  const job = db.get<{ repoId: string; backend: string; model: string | null; isReplay: 0 | 1; kind: string }>(OF_JOB, { number });
  if (!job || job.isReplay === 1 || job.kind !== "task") return null;
  const closing = closedDays(db, dayBudget, isMetered ? [job.backend] : []).find(
    ({ repoId, backend, model }) => (repoId ?? job.repoId) === job.repoId && backend === job.backend && (model === null || model === (job.model ?? "")),
  );
  if (!closing) return null;
  const { unit, limit, spent, wanted, resetsAt, repoId } = closing;
  return { of: repoId === null ? "installation" : "repository", unit, limit, spent, wanted, resetsAt };
}
