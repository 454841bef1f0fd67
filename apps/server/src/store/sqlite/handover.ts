import type { Failure } from "@slipway/protocol/job";
import type { Handover } from "@slipway/protocol/routing";
import type { Database } from "./database.ts";

/** Messages and steps of a plan that are handed over, and how long each may be, in UTF-16 units. */
const MESSAGES = 3;
const MESSAGE_LIMIT = 2_000;
const STEPS = 30;
const STEP_LIMIT = 300;
/** Of a long attempt only its newest events are looked through. */
const EVENTS_READ = 5_000;

const NEWEST = `
  SELECT a.fence, a.backend, a.failure FROM attempts a
  WHERE a.job = @job AND a.backend = @backend AND a.outcome = 'failed' AND a.failure IS NOT NULL ORDER BY a.fence DESC LIMIT 1`;
const KEPT = "SELECT kept_oid AS oid FROM attempts WHERE job = @job AND kept_oid IS NOT NULL ORDER BY fence DESC LIMIT 1";
const EVENTS = `
  SELECT kind, data FROM events
  WHERE job = @job AND fence = @fence AND kind IN ('message', 'plan') AND seq > (SELECT last_seq FROM jobs WHERE number = @job) - ${EVENTS_READ}
  ORDER BY seq DESC LIMIT 200`;
const SET = "UPDATE job_specs SET handover = @handover WHERE job = @job";

/** Has a job keep what its backend leaves to the next one: its work, its plan, its last words, and why it stopped. Nothing where it never failed there. */
export function handOver(db: Database, job: number, backend: string): void {
  const attempt = db.get<{ fence: number; backend: string; failure: string }>(NEWEST, { job, backend });
  if (!attempt) return;
  const { code, message }: Failure = JSON.parse(attempt.failure);
  const events = db.all<{ kind: "message" | "plan"; data: string }>(EVENTS, { job, fence: attempt.fence });
  const handover: Handover = {
    backend,
    fence: attempt.fence,
    failure: { code, message: short(message, MESSAGE_LIMIT) },
    oid: db.get<{ oid: string }>(KEPT, { job })?.oid ?? null,
    plan: planIn(events),
    messages: messagesIn(events),
  };
  db.run(SET, { job, handover: JSON.stringify(handover) });
}

type Event = { readonly kind: "message" | "plan"; readonly data: string };

function planIn(events: readonly Event[]): Handover["plan"] {
  const newest = events.find(({ kind }) => kind === "plan");
  if (!newest) return [];
  const { items } = JSON.parse(newest.data) as { items: Handover["plan"] };
  return items.slice(0, STEPS).map(({ text, status }) => ({ text: short(text, STEP_LIMIT), status }));
}

function messagesIn(events: readonly Event[]): string[] {
  const said = events.filter(({ kind }) => kind === "message").map(({ data }) => JSON.parse(data) as { role: string; text: string });
  const own = said.filter(({ role }) => role === "agent").slice(0, MESSAGES);
  return own.map(({ text }) => short(text, MESSAGE_LIMIT)).reverse();
}

/** The end says most of where somebody stopped. */
function short(text: string, limit: number): string {
  return text.length <= limit ? text : `…${text.slice(-(limit - 1))}`.toWellFormed();
}
