import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";

// Told once of each verification: whoever asks for it again names those of the batch again, with the same verify job.
const SPLIT = `
  UPDATE completions SET bisects = bisects + 1, batch_of = NULL, split_by = @verifyJobId
  WHERE (id = @id OR batch_of = @id) AND state = 'pending' AND split_by IS NOT @verifyJobId`;

export function splitBatch(db: Database, ...[id, verifyJobId]: Parameters<Store["splitBatch"]>): void {
  db.run(SPLIT, { id, verifyJobId });
}
