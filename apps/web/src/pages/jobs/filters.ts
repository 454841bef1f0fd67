import type { QueryOf } from "@slipway/protocol/endpoints";
import { JOB_STATES, type JobState } from "@slipway/protocol/states";

/** What of the address filters the list; each is a text, as somebody may type it. */
const FILTER_NAMES = ["q", "state", "kind", "lane", "repo", "backend", "worker", "code", "who", "since"] as const;
export type FilterName = (typeof FILTER_NAMES)[number];
export type Filters = { readonly [N in FilterName]?: string };

/** What the server is asked for. */
export type JobsQuery = NonNullable<QueryOf<"listJobs">>;

/** Times back from now that the list offers. `today` began at 00:00 UTC, as the day of budgets does. */
export const SINCE = [
  ["1h", "the last hour"],
  ["today", "today (UTC)"],
  ["1d", "the last 24 hours"],
  ["7d", "the last 7 days"],
  ["30d", "the last 30 days"],
] as const;

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** What stands in the address, and nothing else of it. */
export function filtersOf(search: Readonly<Record<string, string>>): Filters {
  return Object.fromEntries(FILTER_NAMES.flatMap((name) => (search[name] ? [[name, search[name]]] : [])));
}

/** The server judges what it gets: a filter that makes no sense comes back as its own words. */
export function queryOf(filters: Filters, now: number): JobsQuery {
  const { q, state, kind = "task", lane, repo, backend, worker, code, who, since } = filters;
  const query: Record<string, unknown> = {
    text: q,
    state,
    ...(kind === "all" ? {} : kind === "task" || kind === "verify" ? { kind } : { kind: "task", taskKind: kind }),
    ...{ lane, repo, backend, worker, code, who },
    since: since === undefined ? undefined : sinceMs(since, now),
  };
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as JobsQuery;
}

function sinceMs(text: string, now: number): number | string {
  if (text === "today") return Math.floor(now / UNIT_MS.d) * UNIT_MS.d;
  const [, amount, unit] = /^(\d+)([mhd])$/.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  const at = Date.parse(text);
  return Number.isNaN(at) ? text : at;
}

/** The states that are chosen, as far as there are such. */
export function statesOf({ state }: Filters): JobState[] {
  const chosen = state?.split(",") ?? [];
  return JOB_STATES.filter((one) => chosen.includes(one));
}
