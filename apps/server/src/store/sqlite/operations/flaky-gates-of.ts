import type { Database } from "../database.ts";

// Two verify jobs of one merged commit: the second run was made because the first was red.
const FLAKY = `
  SELECT DISTINCT r.gate FROM jobs v JOIN receipts r ON r.job = v.number AND r.exit_code <> 0
  JOIN jobs w ON w.completion_id = v.completion_id AND w.base_oid = v.base_oid AND w.number > v.number AND w.kind = 'verify'
  JOIN receipts g ON g.job = w.number AND g.gate = r.gate AND g.tree = r.tree AND g.exit_code = 0
  WHERE v.completion_id = @id AND v.kind = 'verify' ORDER BY r.gate`;

export function flakyGatesOf(db: Database, id: string): string[] {
  return db.all<{ gate: string }>(FLAKY, { id }).map(({ gate }) => gate);
}
