import { NOW } from "./clock.ts";

/**
 * When the state `@to`, which a job now enters, ends at the latest, as an SQL expression for an UPDATE of its row; parameters `@to` and those of
 * `StateLimits`. Null for a final state, and while other jobs hold it up: those have due times of their own. `runAfter`: the column's new value.
 */
export function dueAt(runAfter = "run_after"): string {
  return `CASE @to
    WHEN 'queued' THEN CASE WHEN unmet = 0 THEN max(${NOW}, COALESCE(${runAfter}, 0)) + queue_timeout_ms END
    WHEN 'running' THEN ${NOW} + timeout_ms + @overtimeMs
    WHEN 'integrating' THEN ${NOW} + @integratingMs
    WHEN 'blocked' THEN ${NOW} + @blockedMs
  END`;
}
