import type { FrozenTarget } from "@slipway/protocol/train";
import type { Store } from "../../store.ts";
import { recordAct } from "../audit.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { noteFrozen } from "../notices.ts";

const FROZEN = `SELECT target, code, reason, by_name AS "by", at FROM frozen_targets WHERE repo_id = @repoId`;

// The first reason stays: it is what has to be mended.
const FREEZE = `
  INSERT OR IGNORE INTO frozen_targets (repo_id, target, at, code, reason, by_name) VALUES (@repoId, @target, ${NOW}, @code, @reason, @by)`;

// What an integrator has in hand is taken from it, so that none of its calls can land anything from here on; a written intent is settled first.
const TAKE_BACK = `
  UPDATE completions SET lease_until = NULL, claim_id = NULL, integrator_id = NULL, credential_sha256 = NULL
  WHERE state = 'pending' AND repo_id = @repoId AND target = @target AND lease_until IS NOT NULL`;

export function freezeTarget(db: Database, ...[repoId, frozen, by]: Parameters<Store["freezeTarget"]>): FrozenTarget {
  const { target, code, reason } = frozen;
  const added = db.run(FREEZE, { repoId, target, code, reason, by: by?.tokenName ?? null });
  db.run(TAKE_BACK, { repoId, target });
  if (added > 0) noteFrozen(db, repoId, frozen);
  recordAct(db, by, { action: "freezeTrain", kind: "repository", key: repoId, outcome: added > 0 ? "ok" : "unchanged" });
  const row = db.get<FrozenTarget>(`${FROZEN} AND target = @target`, { repoId, target });
  if (!row) throw new Error("a frozen target is gone");
  return row;
}

const RESUME = "DELETE FROM frozen_targets WHERE repo_id = @repoId AND (@target IS NULL OR target = @target) RETURNING target";

export function resumeTargets(db: Database, ...[repoId, target, by]: Parameters<Store["resumeTargets"]>): string[] {
  const resumed = db.all<{ target: string }>(RESUME, { repoId, target }).map((row) => row.target);
  recordAct(db, by, { action: "resumeTrain", kind: "repository", key: repoId, outcome: resumed.length > 0 ? "ok" : "unchanged" });
  return resumed;
}

export function frozenTargets(db: Database, repoId: string): FrozenTarget[] {
  return db.all<FrozenTarget>(`${FROZEN} ORDER BY target`, { repoId });
}
