import type { AppendableEvent, JobEvent, Usage } from "@slipway/protocol/events";
import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { ATTEMPT_LIVES, leaseLost } from "../fence.ts";
import { INSERT_EVENT } from "../numbered-events.ts";

const READ = `
  SELECT j.number, j.last_seq, j.log_bytes, a.last_ordinal, a.dropped_events, a.dropped_bytes, a.metered
  FROM jobs j JOIN attempts a ON a.job = j.number AND a.fence = @fence WHERE j.id = @jobId`;

// The fence, the numbers, the log's size and the usage in one conditional statement; the events follow only where it matched.
const RESERVE = `
  UPDATE jobs SET last_seq = @lastSeq, log_bytes = @logBytes, updated_at = ${NOW},
    input_tokens = input_tokens + @inputTokens, cached_input_tokens = cached_input_tokens + @cachedInputTokens,
    output_tokens = output_tokens + @outputTokens, reasoning_tokens = reasoning_tokens + @reasoningTokens, cost_usd = cost_usd + @costUsd
  WHERE number = @number AND ${ATTEMPT_LIVES}`;

const REMEMBER = `
  UPDATE attempts SET last_ordinal = @lastOrdinal, dropped_events = @droppedEvents, dropped_bytes = @droppedBytes
  WHERE job = @number AND fence = @fence`;

type Incoming = Parameters<Store["appendEvents"]>[2];
type Stored = Awaited<ReturnType<Store["appendEvents"]>>;

export function appendEvents(db: Database, jobId: string, fence: number, events: Incoming): Stored {
  const attempt = db.get<AttemptRow>(READ, { jobId, fence });
  if (!attempt) throw leaseLost(jobId, fence);
  const plan = planEvents(attempt, events, db.logLimitBytes);
  const { number } = attempt;
  const stored = plan.events.map(({ at, event }, index): JobEvent => ({ jobId, seq: attempt.last_seq + 1 + index, fence, at, ...event }));
  const lastSeq = attempt.last_seq + stored.length;
  if (db.run(RESERVE, { number, fence, lastSeq, logBytes: plan.logBytes, ...sumUsage(attempt.metered ? [] : plan.events) }) === 0)
    throw leaseLost(jobId, fence);
  db.run(REMEMBER, { number, fence, lastOrdinal: plan.lastOrdinal, droppedEvents: plan.droppedEvents, droppedBytes: plan.droppedBytes });
  for (const event of stored) {
    db.run(INSERT_EVENT, { job: number, seq: event.seq, fence, at: event.at, kind: event.kind, data: JSON.stringify(event.data) });
  }
  return { ackOrdinal: plan.lastOrdinal, stored };
}

interface AttemptRow {
  number: number;
  last_seq: number;
  log_bytes: number;
  last_ordinal: number;
  dropped_events: number;
  dropped_bytes: number;
  /** The gateway counts: what the agent says of its usage is kept and not added. */
  metered: number;
}

interface Plan {
  events: Array<{ at: number; event: AppendableEvent }>;
  lastOrdinal: number;
  logBytes: number;
  droppedEvents: number;
  droppedBytes: number;
}

/**
 * What of a batch is to be stored. Once a job's log is full, nothing more is added to it, small pieces neither: a log with one hole at its end
 * can be read, one with many cannot. The gap event at the hole's start counts nothing; the totals come at the attempt's end.
 */
function planEvents(attempt: AttemptRow, incoming: Incoming, logLimitBytes: number): Plan {
  const plan: Plan = {
    events: [],
    lastOrdinal: attempt.last_ordinal,
    logBytes: attempt.log_bytes,
    droppedEvents: attempt.dropped_events,
    droppedBytes: attempt.dropped_bytes,
  };
  for (const { ordinal, at, event } of incoming) {
    if (ordinal <= plan.lastOrdinal) continue;
    plan.lastOrdinal = ordinal;
    const logBytes = event.kind === "log" ? Buffer.byteLength(event.data.text) : 0;
    if (event.kind === "log" && plan.logBytes + logBytes > logLimitBytes) {
      if (plan.droppedEvents === 0) plan.events.push({ at, event: gapAt(event.data.stream) });
      plan.logBytes = logLimitBytes;
      plan.droppedEvents += 1;
      plan.droppedBytes += logBytes;
      continue;
    }
    plan.logBytes += logBytes;
    plan.events.push({ at, event });
  }
  return plan;
}

function gapAt(stream: string): AppendableEvent {
  return { kind: "gap", data: { reason: "job-log-limit", stream, droppedEvents: 0, droppedBytes: 0 } };
}

function sumUsage(events: Plan["events"]): Record<keyof Usage, number> {
  const sum = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 };
  for (const { event } of events) {
    if (event.kind !== "usage") continue;
    sum.inputTokens += event.data.inputTokens;
    sum.cachedInputTokens += event.data.cachedInputTokens;
    sum.outputTokens += event.data.outputTokens;
    sum.reasoningTokens += event.data.reasoningTokens;
    sum.costUsd += event.data.costUsd;
  }
  return sum;
}
