import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { ATTEMPT_LIVES, leaseLost } from "../fence.ts";

// The first opinion stays: whoever was asked beside it has been answered already.
const KEEP = `
  INSERT INTO critic_opinions (repo_id, tree, question, critic, job, opinion, created_at)
  SELECT repo_id, @tree, @question, @critic, number, @opinion, ${NOW} FROM jobs WHERE id = @jobId AND ${ATTEMPT_LIVES}
  ON CONFLICT (repo_id, tree, question, critic) DO UPDATE SET created_at = created_at`;

export function keepOpinion(db: Database, ...[jobId, fence, { tree, question, critic, opinion }]: Parameters<Store["keepOpinion"]>): void {
  if (db.run(KEEP, { jobId, fence, tree, question, critic, opinion: JSON.stringify(opinion) }) === 0) throw leaseLost(jobId, fence);
}
