import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { requireJob } from "../job-view.ts";

// By the phase that failed so, as phases have an index: the event of its own would be looked for in all of the log.
const NEWEST = `
  SELECT at FROM events INDEXED BY events_phases
  WHERE job = @number AND kind = 'phase' AND fence = @fence AND data ->> 'status' = 'failed' AND data ->> 'detail' LIKE 'AGENT_STALLED:%'
  ORDER BY seq DESC LIMIT 1`;

export function newestStall(db: Database, id: string): Awaited<ReturnType<Store["newestStall"]>> {
  const { number, fence } = requireJob(db, id);
  return db.get<{ at: number }>(NEWEST, { number, fence })?.at ?? null;
}
