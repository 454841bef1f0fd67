import type { Phase } from "@slipway/protocol/events";
import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { requireJob } from "../job-view.ts";

// INDEXED BY, because left to itself the planner walks back through the log.
const NEWEST = `
  SELECT at, data FROM events INDEXED BY events_phases WHERE job = @number AND kind = 'phase' AND fence = @fence ORDER BY seq DESC LIMIT 1`;

export function currentPhase(db: Database, id: string): Awaited<ReturnType<Store["currentPhase"]>> {
  const { number, fence } = requireJob(db, id);
  const newest = db.get<{ at: number; data: string }>(NEWEST, { number, fence });
  if (!newest) return null;
  const { phase, status } = JSON.parse(newest.data) as { phase: Phase; status: string };
  return { phase, at: newest.at, isOver: status !== "started" };
}
