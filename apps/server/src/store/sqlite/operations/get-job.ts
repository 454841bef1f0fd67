import type { JobView } from "@slipway/protocol/job";
import type { Database } from "../database.ts";
import { JOB_VIEW, type JobViewRow, jobView } from "../job-view.ts";

export function getJob(db: Database, idOrNumber: string): JobView | undefined {
  const row = /^\d+$/.test(idOrNumber)
    ? db.get<JobViewRow>(`${JOB_VIEW} WHERE j.number = @number`, { number: Number(idOrNumber) })
    : db.get<JobViewRow>(`${JOB_VIEW} WHERE j.id = @id`, { id: idOrNumber });
  return row && jobView(row);
}
