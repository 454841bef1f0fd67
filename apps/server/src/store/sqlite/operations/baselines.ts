import type { Baselines, GateBaseline } from "@slipway/protocol/baseline";
import { QUARANTINE_AFTER_JOBS, QUARANTINE_DAYS } from "@slipway/protocol/quarantine";
import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const COLUMNS = `tree, gate, command, setup_digest AS setupDigest, image, environment_digest AS environmentDigest, exit_code AS exitCode,
    coalesce(failure_digest, '') AS failureDigest, duration_ms AS durationMs, coverage`;

// A tree that was verified needs no look of its own. Of the red receipts those that came before signatures were kept say too little.
const KNOWN = `
  SELECT ${COLUMNS} FROM gate_baselines WHERE repo_id = @repoId AND tree = @tree
  UNION ALL
  SELECT ${COLUMNS} FROM receipts
  WHERE tree = @tree AND (exit_code = 0 OR created_at IS NOT NULL) AND job IN (SELECT number FROM jobs WHERE repo_id = @repoId AND kind = 'verify')`;

const QUARANTINED = `
  SELECT gate, failure_digest AS failureDigest FROM gate_flakes WHERE repo_id = @repoId AND created_at > ${NOW} - ${QUARANTINE_DAYS * 86_400_000}
  GROUP BY gate, failure_digest HAVING count(*) >= ${QUARANTINE_AFTER_JOBS} ORDER BY gate, failure_digest`;

export function baselines(db: Database, ...[repoId, tree]: Parameters<Store["baselines"]>): Baselines {
  return {
    baselines: db
      .all<Omit<GateBaseline, "coverage"> & { coverage: string | null }>(KNOWN, { repoId, tree })
      .map(({ coverage, ...baseline }) => ({ ...baseline, ...(coverage === null ? {} : { coverage: JSON.parse(coverage) }) })),
    quarantined: db.all<Baselines["quarantined"][number]>(QUARANTINED, { repoId }),
  };
}
