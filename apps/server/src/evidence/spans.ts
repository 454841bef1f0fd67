import { createHash } from "node:crypto";
import type { JobEvent } from "@slipway/protocol/events";
import type { Span } from "@slipway/protocol/evidence";
import type { JobDetail } from "@slipway/protocol/job";

interface Open {
  readonly span: Span;
  readonly key: string;
}

/**
 * The job, its attempts, their phases, and in these the turns and gates, each with begin, end and parent. What the events do not tell the end of has none. A
 * job without events, as they are kept for a while only, is its attempts alone.
 */
export function spansOf({ job, attempts }: JobDetail, events: readonly JobEvent[]): Span[] {
  const traceId = job.id.replaceAll("-", "");
  const spanId = (name: string): string => createHash("sha256").update(`${job.id} ${name}`).digest("hex").slice(0, 16);
  const spans: Span[] = [];
  const add = (key: string, parentSpanId: string | null, name: string, startedAt: number, attributes: Span["attributes"]): Span => {
    const span = {
      ...{ traceId, spanId: spanId(key), parentSpanId, name, startTimeUnixNano: nano(startedAt), endTimeUnixNano: null },
      ...{ status: { code: "UNSET" as const }, attributes },
    };
    spans.push(span);
    return span;
  };
  const root = add("job", null, "job", job.createdAt, { "slipway.job": job.number, "slipway.backend": job.backend, "slipway.state": job.state });
  end(root, job.endedAt, job.state === "failed");
  const parents = new Map<number | null, string>([[null, root.spanId]]);
  for (const { fence, backend, startedAt, endedAt, outcome } of attempts) {
    const span = add(`attempt ${fence}`, root.spanId, "attempt", startedAt, {
      "slipway.attempt": fence,
      "slipway.backend": backend,
      "slipway.outcome": outcome,
    });
    end(span, endedAt, outcome === "failed" || outcome === "expired");
    parents.set(fence, span.spanId);
  }
  const open: Open[] = [];
  for (const event of events) {
    const told = spanOf(event);
    if (!told) continue;
    const { fence } = event;
    const key = `${fence} ${told.key}`;
    if (told.status === "started") {
      // A turn and a gate belong to the phase that is going on in their attempt.
      const phase = told.isInPhase ? open.findLast((one) => one.key.startsWith(`${fence} phase `)) : undefined;
      const parent = phase?.span.spanId ?? parents.get(fence) ?? root.spanId;
      open.push({ key, span: add(`${key} ${event.seq}`, parent, told.name, event.at, told.attributes) });
      continue;
    }
    const at = open.findLastIndex((one) => one.key === key);
    const [ended] = at < 0 ? [] : open.splice(at, 1);
    if (!ended) continue;
    end(ended.span, event.at, told.status === "failed");
    Object.assign(ended.span.attributes, told.attributes);
  }
  return spans;
}

interface Told {
  readonly key: string;
  readonly name: string;
  readonly status: "started" | "ended" | "failed";
  readonly isInPhase: boolean;
  readonly attributes: Span["attributes"];
}

function spanOf(event: JobEvent): Told | undefined {
  if (event.kind === "phase") {
    const { phase, status, detail } = event.data;
    return { key: `phase ${phase}`, name: phase, status, isInPhase: false, attributes: detail === undefined ? {} : { "slipway.detail": detail } };
  }
  if (event.kind === "turn") {
    const { turn, status, reason, code } = event.data;
    const attributes = { "slipway.turn": turn, "slipway.reason": reason, ...(code === undefined ? {} : { "slipway.code": code }) };
    return { key: `turn ${turn}`, name: `turn ${turn}`, status, isInPhase: true, attributes };
  }
  if (event.kind === "gate" && event.data.status !== "skipped") {
    const { name, status, round, exitCode } = event.data;
    const attributes = { "slipway.gate": name, "slipway.round": round, ...(typeof exitCode === "number" ? { "slipway.exit_code": exitCode } : {}) };
    const how = status === "started" ? "started" : status === "passed" ? "ended" : "failed";
    return { key: `gate ${round} ${name}`, name: `gate ${name}`, status: how, isInPhase: true, attributes };
  }
  return undefined;
}

function end(span: Span, at: number | null, isFailed: boolean): void {
  if (at === null) return;
  span.endTimeUnixNano = nano(Math.max(at, Number(BigInt(span.startTimeUnixNano) / 1_000_000n)));
  span.status = { code: isFailed ? "ERROR" : "OK" };
}

function nano(ms: number): string {
  return `${Math.round(ms)}000000`;
}
