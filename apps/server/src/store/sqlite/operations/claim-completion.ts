import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import { COMPLETION_VIEW, type CompletionViewRow, completionView } from "../completion-view.ts";
import type { Database } from "../database.ts";

type Claimed = Awaited<ReturnType<Store["claimCompletion"]>>;

// Its credential stays that of the first answer: it may be in use by now.
const SAME = `
  SELECT seq, fence FROM completions
  WHERE claim_id = @claimId AND integrator_id = @integratorId AND state = 'pending' AND lease_until > ${NOW}`;

// Oldest first, one at a time for each target: only a target's oldest open completion can be taken.
const TAKE = `
  UPDATE completions SET fence = fence + 1, lease_until = ${NOW} + @leaseTtlMs, claim_id = @claimId, integrator_id = @integratorId,
    credential_sha256 = @credentialSha256
  WHERE state = 'pending' AND seq = (
    SELECT min(c.seq) FROM completions c INDEXED BY completions_open
    WHERE c.state IN ('pending', 'landing') AND c.state = 'pending' AND (c.lease_until IS NULL OR c.lease_until <= ${NOW})
      AND NOT EXISTS (
        SELECT 1 FROM completions o WHERE o.state IN ('pending', 'landing') AND o.repo_id = c.repo_id AND o.target = c.target AND o.seq < c.seq
      )
  )
  RETURNING seq, fence`;

// A claimId may come again for another completion when its first one is landing or over; the credential, which goes with the id, is good for one only.
const LET_GO = "UPDATE completions SET credential_sha256 = NULL WHERE credential_sha256 = @credentialSha256 AND seq <> @seq";

export function claimCompletion(db: Database, ...[request]: Parameters<Store["claimCompletion"]>): Claimed {
  const { claimId, integratorId, leaseTtlMs, credentialSha256 } = request;
  const same = db.get<{ seq: number; fence: number }>(SAME, { claimId, integratorId });
  const taken = same ?? db.get<{ seq: number; fence: number }>(TAKE, { claimId, integratorId, leaseTtlMs, credentialSha256 });
  if (!taken) return null;
  if (!same) db.run(LET_GO, { credentialSha256, seq: taken.seq });
  const row = db.get<CompletionViewRow & { ttl_ms: number }>(READ, { seq: taken.seq });
  if (!row) throw new Error("a claimed completion is gone");
  return { completion: completionView(row), fence: taken.fence, ttlMs: row.ttl_ms };
}

const READ = `${COMPLETION_VIEW.replace("SELECT ", `SELECT c.lease_until - ${NOW} AS ttl_ms, `)} WHERE c.seq = @seq`;
