import { SlipwayError } from "@slipway/protocol/errors";
import type { JobDetail } from "@slipway/protocol/job";
import { changesOf, type JobChange } from "@slipway/protocol/job-changes";

/** A change of the job by its name; NOT_FOUND names those that there are. `field`: of the request. */
export function findChange(detail: JobDetail, id: string, field: string): JobChange {
  const changes = changesOf(detail);
  const found = changes.find((change) => change.id === id);
  if (found) return found;
  const names = changes.map((change) => change.id);
  const { number, state } = detail.job;
  const hint = names.length === 0 ? `It has none; it is ${state}.` : `It has: ${names.join(", ")}.`;
  throw new SlipwayError("NOT_FOUND", `Job ${number} has no change ${id}.`, { field, value: id, expected: names, hint });
}
