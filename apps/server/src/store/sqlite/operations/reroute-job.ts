import type { JobView } from "@slipway/protocol/job";
import type { Routing } from "@slipway/protocol/routing";
import type { Database } from "../database.ts";
import { handOver } from "../handover.ts";
import { readJobView, requireJob } from "../job-view.ts";
import { addNumberedEvent } from "../numbered-events.ts";
import { setRoute } from "../route.ts";

/** Moves a queued job to another stop of its route. Undefined, and nothing happens, where the job is not as it was when that was decided. */
export function rerouteJob(db: Database, id: string, seen: { fence: number; backend: string; at: number }, routing: Routing): JobView | undefined {
  const job = requireJob(db, id);
  if (job.state !== "queued" || job.fence !== seen.fence || job.backend !== seen.backend) return undefined;
  if (readJobView(db, job.number).routing?.at !== seen.at) return undefined;
  // Attempts of the backend that it leaves may have kept work.
  handOver(db, job.number, seen.backend);
  const entry = setRoute(db, job, routing);
  const { cause, candidates } = routing;
  addNumberedEvent(db, job.number, null, { kind: "routing", data: { cause, backend: entry.backend, from: seen.backend, candidates } });
  return readJobView(db, job.number);
}
