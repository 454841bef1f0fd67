import type { Red } from "@slipway/protocol/acceptance";
import { SlipwayError } from "@slipway/protocol/errors";
import type { CompletionView } from "@slipway/protocol/job";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import type { CompletionRow } from "../rows.ts";
import type { Database } from "./database.ts";
import type { CompletionTable } from "./tables.ts";

export type CompletionViewRow = CompletionTable & { job_id: string; sandbox: SandboxKind; accepted_red: string | null; tested_oid: string | null };

/** Columns and joins of a `CompletionViewRow`. */
export const COMPLETION_VIEW = `
  SELECT c.*, j.id AS job_id,
    COALESCE(
      (SELECT sandbox FROM attempts WHERE job = c.job AND outcome = 'change' ORDER BY fence DESC LIMIT 1),
      (SELECT sandbox FROM acceptances WHERE job = c.job), c.foreign_sandbox, 'bwrap'
    ) AS sandbox,
    (SELECT red FROM acceptances WHERE job = c.job) AS accepted_red,
    (SELECT t.intent_new_oid FROM completions t WHERE t.id = c.batch_of) AS tested_oid
  FROM completions c JOIN jobs j ON j.number = c.job`;

export function completionView(row: CompletionViewRow): CompletionView {
  return {
    id: row.id,
    jobId: row.job_id,
    repoId: row.repo_id,
    oid: row.oid,
    baseOid: row.base_oid,
    target: row.target,
    state: row.state,
    fence: row.fence,
    mergedOid: row.merged_oid,
    verifyJobId: row.verify_job_id,
    landedOid: row.landed_oid,
    testedOid: row.landed_oid === null ? null : (row.tested_oid ?? row.landed_oid),
    flakyGates: row.flaky_gates === null ? [] : JSON.parse(row.flaky_gates),
    createdAt: row.created_at,
  };
}

export function completionRow(row: CompletionViewRow): CompletionRow {
  const intent =
    row.intent_target === null || row.intent_new_oid === null ? null : { target: row.intent_target, oldOid: row.intent_old_oid, newOid: row.intent_new_oid };
  return {
    ...completionView(row),
    mergedTree: row.merged_tree,
    intent,
    sandbox: row.sandbox,
    waivedGates: waivedGates(row.accepted_red),
    isForeign: row.foreign_sandbox !== null,
  };
}

function waivedGates(red: string | null): string[] {
  return red === null ? [] : (JSON.parse(red) as Red[]).filter(({ by }) => by === "gate").map(({ name }) => name);
}

/** The row of a completion, or NOT_FOUND. */
export function requireCompletion(db: Database, id: string): CompletionViewRow {
  const row = db.get<CompletionViewRow>(`${COMPLETION_VIEW} WHERE c.id = @id`, { id });
  if (!row) throw new SlipwayError("NOT_FOUND", `There is no completion ${id}.`, { completion: id });
  return row;
}
