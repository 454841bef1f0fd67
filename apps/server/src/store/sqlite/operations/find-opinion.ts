import type { CriticOpinion } from "@slipway/protocol/critic";
import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";

const FIND = `
  SELECT opinion FROM critic_opinions
  WHERE repo_id = (SELECT repo_id FROM jobs WHERE id = @jobId) AND tree = @tree AND question = @question AND critic = @critic`;

export function findOpinion(db: Database, ...[jobId, { tree, question, critic }]: Parameters<Store["findOpinion"]>): CriticOpinion | undefined {
  const row = db.get<{ opinion: string }>(FIND, { jobId, tree, question, critic });
  return row && (JSON.parse(row.opinion) as CriticOpinion);
}
