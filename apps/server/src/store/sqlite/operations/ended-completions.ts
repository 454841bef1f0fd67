import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";

// A verify job of it that is still about may be fetching the merged commit.
const ENDED = `
  SELECT c.id FROM completions c
  WHERE c.id IN (SELECT value FROM json_each(@ids)) AND c.state IN ('landed', 'rejected', 'cancelled')
    AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.completion = c.id AND d.state IN ('pushing', 'opening'))
    AND NOT EXISTS (
      SELECT 1 FROM jobs v WHERE v.completion_id = c.id AND v.kind = 'verify' AND v.state IN ('queued', 'running', 'integrating', 'blocked')
    )`;

export function endedCompletions(db: Database, ids: readonly string[]): Awaited<ReturnType<Store["endedCompletions"]>> {
  return db.all<{ id: string }>(ENDED, { ids: JSON.stringify(ids) }).map(({ id }) => id);
}
