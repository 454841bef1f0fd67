import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail } from "@slipway/protocol/job";

/** How a stretch of time ended; `open`: it goes on. `cut`: its end was never told. */
export type SpanEnd = "open" | "ok" | "failed" | "cut";

/** A phase, or a turn or gate in it. */
export interface Span {
  /** Of all spans of its part, so that lists can tell them apart. */
  readonly key: string;
  readonly kind: "phase" | "turn" | "gate";
  readonly name: string;
  readonly from: number;
  readonly to: number | null;
  readonly end: SpanEnd;
  readonly detail: string;
  /** Steps of a phase and what they took, in ms, longest first. */
  readonly parts: ReadonlyArray<readonly [name: string, ms: number]>;
}

/** A part of a job's way: what it waited, one attempt, or its landing. */
export interface TimelinePart {
  readonly key: string;
  readonly title: string;
  readonly note: string;
  readonly from: number;
  readonly to: number | null;
  readonly end: SpanEnd;
  readonly spans: readonly Span[];
}

type Stretch = { -readonly [K in keyof Span]: Span[K] };

const ENDINGS: Readonly<Record<JobDetail["attempts"][number]["outcome"], SpanEnd>> = {
  running: "open",
  change: "ok",
  answer: "ok",
  verified: "ok",
  failed: "failed",
  expired: "failed",
  cancelled: "cut",
};

/** What a job spent its time on, in the order in which it began. Attempts whose events are not kept any more are there without what was in them. */
export function timelineOf({ job, attempts }: Pick<JobDetail, "job" | "attempts">, events: readonly JobEvent[]): TimelinePart[] {
  const spans = spansByFence(events);
  const parts = attempts.map(({ fence, workerName, backend, startedAt, endedAt, outcome, failure }): TimelinePart => {
    const note = [backend, `on ${workerName}`, failure?.code ?? (outcome === "running" ? "" : outcome)].filter(Boolean).join(" · ");
    const own = closed(spans.get(fence) ?? [], endedAt);
    return { key: `attempt-${fence}`, title: `Attempt ${fence}`, note, from: startedAt, to: endedAt, end: ENDINGS[outcome], spans: own };
  });
  const landing = landingPart(job, events, closed(spans.get(null) ?? [], job.endedAt));
  return [...waits(job, events), ...parts, ...(landing ? [landing] : [])].toSorted((one, other) => one.from - other.from);
}

/** Stretches in which nobody worked on it. */
function waits(job: JobDetail["job"], events: readonly JobEvent[]): TimelinePart[] {
  const moves = events.flatMap((event) => (event.kind === "state" ? [event] : []));
  return moves.flatMap((event, index): TimelinePart[] => {
    const { to } = event.data;
    if (to !== "queued" && to !== "blocked") return [];
    const until = moves[index + 1]?.at ?? job.endedAt;
    const title = to === "queued" ? "In the queue" : "Needed a person";
    const end = until === null ? "open" : "ok";
    return [{ key: `wait-${event.seq}`, title, note: event.data.from === null ? "" : event.data.reason, from: event.at, to: until, end, spans: [] }];
  });
}

function landingPart(job: JobDetail["job"], events: readonly JobEvent[], spans: readonly Span[]): TimelinePart | undefined {
  const begun = events.findLast((event) => event.kind === "state" && event.data.to === "integrating");
  const from = begun?.at ?? spans[0]?.from;
  if (from === undefined) return undefined;
  const left = events.find((event) => event.seq > (begun?.seq ?? 0) && event.kind === "state" && event.data.from === "integrating");
  const to = left?.at ?? job.endedAt;
  const end: SpanEnd = to === null ? "open" : job.state === "failed" ? "failed" : "ok";
  const note = job.landedOid === null ? `for ${job.target}` : `${job.landedOid.slice(0, 7)} on ${job.target}`;
  return { key: "landing", title: "Landing", note, from, to, end, spans: spans.filter((span) => span.from >= from - 1) };
}

/** What began in each attempt, in its order; the phases of the landing belong to none, or to the attempt whose change it is. */
function spansByFence(events: readonly JobEvent[]): Map<number | null, Stretch[]> {
  const all = new Map<number | null, Stretch[]>();
  for (const event of events) {
    const told = toldBy(event);
    if (!told) continue;
    // The phase is its turn, which says more.
    if (told.kind === "phase" && told.name === "turn") continue;
    const isLanding = told.kind === "phase" && ["merge", "verify", "land"].includes(told.name);
    const fence = isLanding ? null : event.fence;
    const spans = all.get(fence) ?? [];
    all.set(fence, spans);
    if (told.isBegin) {
      spans.push({ key: `${event.seq}`, kind: told.kind, name: told.name, from: event.at, to: null, end: "open", detail: told.detail, parts: [] });
      continue;
    }
    let span = spans.findLast(({ kind, name, to }) => kind === told.kind && name === told.name && to === null);
    if (!span) {
      // Its beginning is not kept any more, or was never told.
      if (told.durationMs === undefined) continue;
      span = { key: `${event.seq}`, kind: told.kind, name: told.name, from: event.at - told.durationMs, to: null, end: "open", detail: "", parts: [] };
      spans.push(span);
    }
    Object.assign(span, { to: event.at, end: told.isFailed ? "failed" : "ok", detail: told.detail || span.detail, parts: told.parts });
  }
  return all;
}

interface Told {
  readonly kind: Span["kind"];
  readonly name: string;
  readonly isBegin: boolean;
  readonly isFailed: boolean;
  readonly detail: string;
  readonly durationMs: number | undefined;
  readonly parts: Span["parts"];
}

const REASONS = { task: "the task", repair: "a repair", revision: "a revision", nudge: "asked to go on" } as const;

function toldBy(event: JobEvent): Told | undefined {
  if (event.kind === "phase") {
    const { phase, status, detail = "", durationMs, partsMs = {} } = event.data;
    const parts = Object.entries(partsMs).toSorted(([, one], [, other]) => other - one);
    return { kind: "phase", name: phase, isBegin: status === "started", isFailed: status === "failed", detail, durationMs, parts };
  }
  if (event.kind === "turn") {
    const { turn, status, reason, code } = event.data;
    return {
      kind: "turn",
      name: `turn ${turn}`,
      isBegin: status === "started",
      isFailed: status === "failed",
      detail: code ?? REASONS[reason],
      durationMs: undefined,
      parts: [],
    };
  }
  if (event.kind === "gate" && event.data.status !== "skipped") {
    const { name, status, exitCode, durationMs, flaky } = event.data;
    const notes = [typeof exitCode === "number" && exitCode !== 0 ? `exit ${exitCode}` : "", status === "timed-out" ? "timed out" : "", flaky ? "flaky" : ""];
    const detail = notes.filter(Boolean).join(", ");
    return { kind: "gate", name: `gate ${name}`, isBegin: status === "started", isFailed: status !== "passed", detail, durationMs, parts: [] };
  }
  return undefined;
}

/** What was still open when its attempt ended has ended with it. */
function closed(spans: readonly Stretch[], endedAt: number | null): Span[] {
  return spans.map((span): Span => (span.to === null && endedAt !== null ? { ...span, to: Math.max(endedAt, span.from), end: "cut" } : span));
}
