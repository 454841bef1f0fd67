import { SlipwayError } from "@slipway/protocol/errors";
import type { EventBody, JobEvent } from "@slipway/protocol/events";
import type { Database } from "../database.ts";
import { requireJob } from "../job-view.ts";
import { addNumberedEvent } from "../numbered-events.ts";

/** Any event but `state`: that one is written by the move that it tells of. */
export function addEvent(db: Database, jobId: string, body: EventBody): JobEvent {
  if (body.kind === "state") throw new SlipwayError("INVALID_REQUEST", "A state event comes with its move only.", { job: jobId });
  return addNumberedEvent(db, requireJob(db, jobId).number, null, body);
}
