import type { Acceptance } from "@slipway/protocol/acceptance";
import type { JobDetail } from "@slipway/protocol/job";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import type { KeptWork } from "@slipway/protocol/worker-api";
import { COMPLETION_VIEW, type CompletionViewRow, completionView } from "../completion-view.ts";
import type { Database } from "../database.ts";
import { JOB_VIEW, type JobViewRow, jobView } from "../job-view.ts";
import { RECEIPT_COLUMNS, type ReceiptTable, receiptView } from "../receipt-row.ts";

interface AttemptRow {
  fence: number;
  worker_id: string;
  worker_name: string;
  backend: string;
  sandbox: SandboxKind;
  started_at: number;
  ended_at: number | null;
  outcome: JobDetail["attempts"][number]["outcome"];
  failure: string | null;
  kept_oid: string | null;
  kept: string | null;
  earlier: string | null;
  change_oid: string | null;
}

const ATTEMPTS = `
  SELECT fence, worker_id, worker_name, backend, sandbox, started_at, ended_at, outcome, failure, kept_oid, reported -> '$.kept' AS kept,
    reported -> '$.earlier' AS earlier, CASE WHEN outcome = 'change' THEN reported ->> '$.oid' END AS change_oid
  FROM attempts WHERE job = @number ORDER BY fence`;
const ARTIFACTS = "SELECT name, bytes, sha256, fence, created_at AS at FROM artifacts WHERE job = @number ORDER BY fence, name";
const COMPLETION = `${COMPLETION_VIEW} WHERE c.job = @number ORDER BY c.seq DESC LIMIT 1`;

// A verify job's own receipts; for a task, those that the verify jobs of its newest completion, or of the batch that it is in, brought, and those of an equal tree that were used again. One that
// was rejected before, and went back to the agent, says nothing about what came of it.
const NEWEST = "SELECT max(seq) FROM completions WHERE job = @number";
const OWN = `
    SELECT @number
    UNION SELECT v.number FROM completions c JOIN jobs v ON v.completion_id IN (c.id, c.batch_of) AND v.kind = 'verify' WHERE c.seq = (${NEWEST})`;
const RECEIPTS = `
  SELECT ${RECEIPT_COLUMNS}, job NOT IN (${OWN}) AS reused FROM receipts
  WHERE job IN (${OWN})
  OR (
    exit_code = 0
    -- As sandboxOfImage says it.
    AND CASE WHEN image = 'host' THEN 'bwrap' WHEN image LIKE 'sha256:%' THEN 'docker' ELSE image END = @sandbox
    AND tree IN (
      SELECT COALESCE((SELECT t.merged_tree FROM completions t WHERE t.id = c.batch_of), c.merged_tree) FROM completions c WHERE c.seq = (${NEWEST})
    )
    AND job IN (SELECT v.number FROM jobs t JOIN jobs v ON v.repo_id = t.repo_id AND v.kind = 'verify' WHERE t.number = @number)
  )
  ORDER BY id`;

// A refused call did nothing with the job.
const ACTS = `
  SELECT at, action, token_name AS name, role, job, made_job AS madeJob FROM audit
  WHERE (job = @number OR made_job = @number) AND outcome = 'ok' ORDER BY seq`;

type ActRow = Pick<JobDetail["acts"][number], "at" | "action" | "job" | "madeJob"> & JobDetail["acts"][number]["by"];

const ACCEPTANCE = `
  SELECT j.id AS jobId, j.number, a.fence, a.oid, a.at, a.by_name AS name, a.by_role AS role, a.reason, a.red
  FROM acceptances a JOIN jobs j ON j.number = a.of_job WHERE a.job = @number`;
const ACCEPTED_AS = "SELECT n.number, n.state FROM acceptances a JOIN jobs n ON n.number = a.job WHERE a.of_job = @number ORDER BY n.number";

type AcceptanceRow = Omit<Acceptance, "by" | "red"> & Acceptance["by"] & { red: string };

function acceptanceOf(db: Database, number: number): Acceptance | null {
  const row = db.get<AcceptanceRow>(ACCEPTANCE, { number });
  if (!row) return null;
  const { name, role, red, ...rest } = row;
  return { ...rest, by: { name, role }, red: JSON.parse(red) };
}

function keptOf(text: string | null): Pick<JobDetail["attempts"][number], "keptWhy" | "keptRed"> {
  const { why, red }: Partial<KeptWork> = text === null ? {} : JSON.parse(text);
  return { keptWhy: why ?? null, keptRed: red ?? null };
}

export function getJobDetail(db: Database, id: string): JobDetail | undefined {
  const row = db.get<JobViewRow>(`${JOB_VIEW} WHERE j.id = @id`, { id });
  if (!row) return undefined;
  const { number } = row;
  const completion = db.get<CompletionViewRow>(COMPLETION, { number });
  return {
    job: jobView(row),
    attempts: db.all<AttemptRow>(ATTEMPTS, { number }).map((attempt) => ({
      fence: attempt.fence,
      workerId: attempt.worker_id,
      workerName: attempt.worker_name,
      backend: attempt.backend,
      sandbox: attempt.sandbox,
      startedAt: attempt.started_at,
      endedAt: attempt.ended_at,
      outcome: attempt.outcome,
      failure: attempt.failure === null ? null : JSON.parse(attempt.failure),
      keptOid: attempt.kept_oid,
      ...keptOf(attempt.kept),
      changeOid: attempt.change_oid,
      earlier: attempt.earlier === null ? [] : JSON.parse(attempt.earlier),
    })),
    receipts: db
      .all<ReceiptTable & { reused: number }>(RECEIPTS, { number, sandbox: completion?.sandbox ?? null })
      .map((row) => ({ ...receiptView(row), ...(row.reused === 1 ? { reused: true } : {}) })),
    artifacts: db.all<JobDetail["artifacts"][number]>(ARTIFACTS, { number }),
    completion: completion ? completionView(completion) : null,
    acceptance: acceptanceOf(db, number),
    acceptedAs: db.all<JobDetail["acceptedAs"][number]>(ACCEPTED_AS, { number }),
    acts: db.all<ActRow>(ACTS, { number }).map(({ name, role, ...act }) => ({ ...act, by: { name, role } })),
  };
}
