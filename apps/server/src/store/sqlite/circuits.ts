import { type BackendVerdict, ERRORS } from "@slipway/protocol/errors";
import type { Failure } from "@slipway/protocol/job";
import { coolDownMs } from "../circuit-limits.ts";
import type { AttemptEnd } from "./attempts.ts";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";

/** A row of `circuits` as SQLite gives it. */
export interface CircuitTable {
  backend: string;
  image: string;
  faults: number;
  last_job: number;
  code: string;
  message: string;
  /** How often it opened since the backend last worked. */
  opens: number;
  opened_at: number | null;
  open_until: number | null;
  canary_job: number | null;
  canary_fence: number | null;
}

/** Much of a failure's message; all of it stands in the attempt. */
const MESSAGE_LIMIT = 300;

const OPEN = `SELECT backend, image, canary_job IS NOT NULL OR open_until > ${NOW} AS isShut FROM circuits WHERE open_until IS NOT NULL`;

/** What a claim needs to know of the circuits of its worker. */
export interface OpenCircuits {
  /** Backends of which nothing is let through. */
  readonly shut: ReadonlySet<string>;
  /** Backends of which the next job is the canary. */
  readonly due: ReadonlySet<string>;
}

/** `images`: by backend, what a job of it would run in. */
export function openCircuits(db: Database, images: Readonly<Record<string, string>>): OpenCircuits {
  const rows = db.all<{ backend: string; image: string; isShut: 0 | 1 }>(OPEN).filter(({ backend, image }) => (images[backend] ?? "") === image);
  const names = (isShut: 0 | 1): Set<string> => new Set(rows.filter((row) => row.isShut === isShut).map(({ backend }) => backend));
  return { shut: names(1), due: names(0) };
}

const START_CANARY = `
  UPDATE circuits SET canary_job = @job, canary_fence = @fence
  WHERE backend = @backend AND image = @image AND open_until IS NOT NULL AND canary_job IS NULL`;

/** Makes a claim, in its own transaction, the one that tries the backend. */
export function startCanary(db: Database, canary: { job: number; fence: number; backend: string; image: string }): void {
  if (db.run(START_CANARY, canary) === 0) throw new Error(`the circuit of ${canary.backend} let a second job through`);
}

const ATTEMPT = "SELECT a.backend, a.image, j.kind FROM attempts a JOIN jobs j ON j.number = a.job WHERE a.job = @job AND a.fence = @fence";
const CIRCUIT = "SELECT * FROM circuits WHERE backend = @backend AND image = @image";
const CLOSE = "DELETE FROM circuits WHERE backend = @backend AND image = @image";
const FREE_CANARY = `
  UPDATE circuits SET canary_job = NULL, canary_fence = NULL
  WHERE backend = @backend AND image = @image AND canary_job = @job AND canary_fence = @fence`;
const COUNT = `
  INSERT INTO circuits (backend, image, faults, last_job, code, message) VALUES (@backend, @image, 1, @job, @code, @message)
  ON CONFLICT (backend, image) DO UPDATE SET faults = faults + (last_job <> @job), last_job = @job, code = @code, message = @message`;
const OPEN_IT = `
  UPDATE circuits SET opens = opens + 1, opened_at = COALESCE(opened_at, ${NOW}), open_until = ${NOW} + @coolDownMs, canary_job = NULL, canary_fence = NULL
  WHERE backend = @backend AND image = @image`;

/** What the end of an attempt means for the circuit of its backend; called in the transaction that ends it, once. */
export function judgeBackend(db: Database, job: number, fence: number, end: AttemptEnd): void {
  const attempt = db.get<{ backend: string; image: string; kind: string }>(ATTEMPT, { job, fence });
  if (attempt?.kind !== "task") return;
  const { backend, image } = attempt;
  const at = { backend, image };
  const verdict = verdictOf(end);
  if (verdict === "works") {
    db.run(CLOSE, at);
    return;
  }
  const before = db.get<CircuitTable>(CIRCUIT, at);
  const isCanary = before?.canary_job === job && before.canary_fence === fence;
  if (verdict !== "down" || end.failure === null) {
    if (isCanary) db.run(FREE_CANARY, { ...at, job, fence });
    return;
  }
  // An attempt that began before it opened says nothing new; only the canary does.
  if (before?.open_until != null && !isCanary) return;
  db.run(COUNT, { ...at, job, code: end.failure.code, message: shortMessage(end.failure) });
  const { circuitLimits } = db;
  const now = db.get<CircuitTable>(CIRCUIT, at);
  if (!now || circuitLimits.faults === 0 || (!isCanary && now.faults < circuitLimits.faults)) return;
  db.run(OPEN_IT, { ...at, coolDownMs: coolDownMs(now.opens + 1, circuitLimits) });
}

function verdictOf({ outcome, failure }: AttemptEnd): BackendVerdict {
  if (outcome === "change") return "works";
  return outcome === "failed" && failure ? ERRORS[failure.code].backend : null;
}

function shortMessage({ message }: Failure): string {
  return message.length <= MESSAGE_LIMIT ? message : `${message.slice(0, MESSAGE_LIMIT - 1)}…`.toWellFormed();
}
