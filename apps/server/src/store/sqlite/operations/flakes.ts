import type { FlakeView } from "@slipway/protocol/baseline";
import { QUARANTINE_AFTER_JOBS, QUARANTINE_DAYS } from "@slipway/protocol/quarantine";
import type { Store } from "../../store.ts";
import { recordAct } from "../audit.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

// SQLite takes the bare columns from the row with the maximum.
const LIST = `
  SELECT gate, failure_digest AS failureDigest, count(*) AS jobs, sum(created_at > ${NOW} - ${QUARANTINE_DAYS * 86_400_000}) AS recent, min(created_at) AS firstAt, max(created_at) AS lastAt, job AS lastJob, excerpt
  FROM gate_flakes WHERE repo_id = @repoId GROUP BY gate, failure_digest ORDER BY lastAt DESC, gate, failure_digest`;

const CLEAR = "DELETE FROM gate_flakes WHERE repo_id = @repoId AND gate = @gate AND substr(failure_digest, 1, length(@digest)) = @digest";
const COUNT = `SELECT count(DISTINCT failure_digest) AS count FROM gate_flakes WHERE ${CLEAR.slice(CLEAR.indexOf("repo_id"))}`;

export function listFlakes(db: Database, ...[repoId]: Parameters<Store["listFlakes"]>): FlakeView[] {
  const rows = db.all<Omit<FlakeView, "quarantined"> & { recent: number }>(LIST, { repoId });
  return rows.map(({ recent, ...row }) => ({ ...row, quarantined: recent >= QUARANTINE_AFTER_JOBS }));
}

export function clearFlakes(db: Database, ...[repoId, { gate, failureDigest = "" }, by]: Parameters<Store["clearFlakes"]>): number {
  const which = { repoId, gate, digest: failureDigest };
  const cleared = db.get<{ count: number }>(COUNT, which)?.count ?? 0;
  db.run(CLEAR, which);
  recordAct(db, by, { action: "clearFlakes", kind: "repository", key: repoId, outcome: cleared > 0 ? "ok" : "unchanged" });
  return cleared;
}
