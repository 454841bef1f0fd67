import type { CompletionRow } from "../../rows.ts";
import { COMPLETION_VIEW, type CompletionViewRow, completionRow } from "../completion-view.ts";
import type { Database } from "../database.ts";

export function getCompletion(db: Database, id: string): CompletionRow | undefined {
  const row = db.get<CompletionViewRow>(`${COMPLETION_VIEW} WHERE c.id = @id`, { id });
  return row && completionRow(row);
}
