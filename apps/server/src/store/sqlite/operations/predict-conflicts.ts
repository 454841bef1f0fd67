import { isFinal } from "@slipway/protocol/states";
import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { requireJob } from "../job-view.ts";
import { addNumberedEvent } from "../numbered-events.ts";

const SET = "UPDATE job_specs SET predicted = @predicted WHERE job = @number AND predicted IS NOT @predicted";

export function predictConflicts(db: Database, ...[jobId, predicted, warning]: Parameters<Store["predictConflicts"]>): boolean {
  const { number, state } = requireJob(db, jobId);
  if (isFinal(state)) return false;
  if (db.run(SET, { number, predicted: predicted.length === 0 ? null : JSON.stringify(predicted) }) === 0) return false;
  if (warning !== null) addNumberedEvent(db, number, null, { kind: "notice", data: { level: "warning", text: warning } });
  return true;
}
