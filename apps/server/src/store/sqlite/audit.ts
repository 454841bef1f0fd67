import type { Role } from "@slipway/protocol/accounts";
import type { AuditEntry, AuditedEndpoint, AuditObjectKind } from "@slipway/protocol/audit";
import type { Actor } from "../rows.ts";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";

/** A row of `audit` as SQLite gives it. */
export interface AuditTable {
  seq: number;
  at: number;
  last_at: number;
  count: number;
  action: string;
  token_id: string | null;
  token_name: string | null;
  role: Role | null;
  address: string | null;
  object_kind: AuditObjectKind | null;
  object_id: string | null;
  object_name: string | null;
  job: number | null;
  made_job: number | null;
  outcome: string;
}

const INSERT = `
  INSERT INTO audit (at, last_at, action, token_id, token_name, role, address, object_kind, object_id, object_name, job, made_job, outcome)
  VALUES (${NOW}, ${NOW}, @action, @tokenId, @tokenName, @role, @address, @kind, @objectId, @objectName, @job, @madeJob, @outcome)`;

/** What an act was about, and how it ended. */
export interface Act {
  readonly action: AuditedEndpoint;
  readonly kind: AuditObjectKind | null;
  /** An id, or the name that stands for it; null without a `kind`. */
  readonly key: string | null;
  /** Number of the job that a retry made. */
  readonly madeJob?: number | undefined;
  readonly outcome: string;
}

/** Keeps who did something, in the transaction of what was done; nothing where the server did it by itself. */
export function recordAct(db: Database, by: Actor | undefined, { action, kind, key, madeJob, outcome }: Act): void {
  if (!by) return;
  const found = kind === null || key === null ? undefined : db.get<{ id: string; name: string }>(NAMES[kind], { key });
  db.run(INSERT, {
    ...by,
    action,
    kind,
    // Of what there is not, what the caller called it.
    objectId: found?.id ?? key,
    objectName: found?.name ?? key,
    job: kind === "job" && found ? Number(found.name) : null,
    madeJob: madeJob ?? null,
    outcome,
  });
}

const NAMES: Readonly<Record<AuditObjectKind, string>> = {
  job: "SELECT id, CAST(number AS TEXT) AS name FROM jobs WHERE id = @key OR number = CASE WHEN @key NOT GLOB '*[^0-9]*' THEN CAST(@key AS INTEGER) END",
  repository: "SELECT id, name FROM repositories WHERE id = @key OR name = @key ORDER BY id = @key DESC LIMIT 1",
  worker: "SELECT id, name FROM workers WHERE id = @key",
  backend: "SELECT @key AS id, @key AS name",
  token: "SELECT id, name FROM tokens WHERE id = @key",
};

export function auditEntry(row: AuditTable): AuditEntry {
  const { token_id: tokenId, role, object_kind: kind, object_id: objectId } = row;
  return {
    seq: row.seq,
    at: row.at,
    lastAt: row.last_at,
    count: row.count,
    action: row.action,
    token: tokenId === null || role === null ? null : { id: tokenId, name: row.token_name ?? "", role },
    address: row.address,
    object: kind === null || objectId === null ? null : { kind, id: objectId, name: row.object_name ?? objectId },
    madeJob: row.made_job,
    outcome: row.outcome,
  };
}
