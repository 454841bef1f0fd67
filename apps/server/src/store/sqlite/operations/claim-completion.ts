import type { Store } from "../../store.ts";
import { CAR_ORDER } from "../car-order.ts";
import { NOW } from "../clock.ts";
import { COMPLETION_VIEW, type CompletionViewRow, completionView } from "../completion-view.ts";
import type { Database } from "../database.ts";

type Claimed = Awaited<ReturnType<Store["claimCompletion"]>>;

// Its credential stays that of the first answer: it may be in use by now.
const SAME = `
  SELECT seq, fence FROM completions
  WHERE claim_id = @claimId AND integrator_id = @integratorId AND state = 'pending' AND lease_until > ${NOW}`;

/** What integrators have in hand: a written intent is nobody else's until it is settled, whatever its lease. */
const IN_HAND = `
  in_hand AS MATERIALIZED (
    SELECT repo_id, target, integrator_id FROM completions INDEXED BY completions_open WHERE state IN ('pending', 'landing') AND state = 'landing'
    UNION ALL
    SELECT repo_id, target, integrator_id FROM completions INDEXED BY completions_leases
    WHERE state = 'pending' AND lease_until IS NOT NULL AND lease_until > ${NOW}
  )`;
const ITS_TARGET = "h.repo_id = c.repo_id AND h.target = c.target";

// Of a target that somebody has in hand he alone gets more, up to the target's limit: one where none is given. Whoever comes in goes behind those that were let in
// before, and keeps his place when his integrator is lost.
const TAKE = `
  WITH ${IN_HAND}
  UPDATE completions SET fence = fence + 1, lease_until = ${NOW} + @leaseTtlMs, claim_id = @claimId, integrator_id = @integratorId,
    credential_sha256 = @credentialSha256,
    place = COALESCE(place, 1 + COALESCE((
      SELECT max(o.place) FROM completions o WHERE o.state IN ('pending', 'landing') AND o.repo_id = completions.repo_id AND o.target = completions.target
    ), 0))
  WHERE state = 'pending' AND seq = (
    SELECT c.seq FROM completions c INDEXED BY completions_open JOIN jobs j ON j.number = c.job JOIN job_specs s ON s.job = j.number
    WHERE c.state IN ('pending', 'landing') AND c.state = 'pending' AND (c.lease_until IS NULL OR c.lease_until <= ${NOW})
      AND NOT EXISTS (SELECT 1 FROM frozen_targets f WHERE f.repo_id = c.repo_id AND f.target = c.target)
      AND NOT EXISTS (SELECT 1 FROM in_hand h WHERE ${ITS_TARGET} AND h.integrator_id IS NOT @integratorId)
      AND (SELECT count(*) FROM in_hand h WHERE ${ITS_TARGET}) < COALESCE((
        SELECT l.value ->> '$.parallel' FROM json_each(@limits) l WHERE l.value ->> '$.repoId' = c.repo_id AND l.value ->> '$.target' = c.target
      ), 1)
    ORDER BY ${CAR_ORDER} LIMIT 1
  )
  RETURNING seq, fence`;

// Those that were there before one that is let in, and let it pass. Its first claim is what lets it in.
const PASS = `
  UPDATE completions SET passed = passed + 1
  WHERE seq IN (
    SELECT c.seq FROM completions taken JOIN jobs t ON t.number = taken.job
    JOIN completions c INDEXED BY completions_open ON c.repo_id = taken.repo_id AND c.target = taken.target AND c.seq < taken.seq
    JOIN jobs j ON j.number = c.job
    WHERE taken.seq = @seq AND c.state IN ('pending', 'landing') AND c.state = 'pending' AND c.place IS NULL AND j.claim_rank = t.claim_rank
  )`;

// A claimId may come again for another completion when its first one is landing or over; the credential, which goes with the id, is good for one only.
const LET_GO = "UPDATE completions SET credential_sha256 = NULL WHERE credential_sha256 = @credentialSha256 AND seq <> @seq";

export function claimCompletion(db: Database, ...[request]: Parameters<Store["claimCompletion"]>): Claimed {
  const { claimId, integratorId, leaseTtlMs, credentialSha256, limits = [] } = request;
  const same = db.get<{ seq: number; fence: number }>(SAME, { claimId, integratorId });
  const asked = { claimId, integratorId, leaseTtlMs, credentialSha256, limits: JSON.stringify(limits) };
  const taken = same ?? db.get<{ seq: number; fence: number }>(TAKE, asked);
  if (!taken) return null;
  if (!same) db.run(LET_GO, { credentialSha256, seq: taken.seq });
  if (!same && taken.fence === 1) db.run(PASS, { seq: taken.seq });
  const row = db.get<CompletionViewRow & { ttl_ms: number }>(READ, { seq: taken.seq });
  if (!row) throw new Error("a claimed completion is gone");
  return { completion: completionView(row), fence: taken.fence, ttlMs: row.ttl_ms, place: row.place ?? 1 };
}

const READ = `${COMPLETION_VIEW.replace("SELECT ", `SELECT c.lease_until - ${NOW} AS ttl_ms, `)} WHERE c.seq = @seq`;

const FOLLOWED = `
  WITH ${IN_HAND}
  SELECT DISTINCT c.repo_id AS repoId, c.target FROM completions c INDEXED BY completions_open
  WHERE c.state IN ('pending', 'landing') AND c.state = 'pending' AND (c.lease_until IS NULL OR c.lease_until <= ${NOW})
    AND EXISTS (SELECT 1 FROM in_hand h WHERE ${ITS_TARGET} AND h.integrator_id = @integratorId)`;

export function followedTargets(db: Database, integratorId: string): Awaited<ReturnType<Store["followedTargets"]>> {
  return db.all(FOLLOWED, { integratorId });
}
