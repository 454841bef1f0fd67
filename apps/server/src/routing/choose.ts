import type { RouteCandidate } from "@slipway/protocol/routing";

/** A backend that may be chosen, with all that the choice goes by. */
export interface Candidate {
  readonly backend: string;
  /** Why it cannot do this job at all; null where it can. */
  readonly unfit: string | null;
  /** Why it cannot begin now; null where it can. */
  readonly away: string | null;
  /** Of its newest attempts within a day: how many ended, and how many of them failed by the backend's own fault. */
  readonly ended: number;
  readonly faults: number;
  /** Free slots of the workers that have it. */
  readonly freeSlots: number;
  /** What one of its newest jobs took on average; null where that is not known. */
  readonly cost: { readonly usd: number; readonly tokens: number } | null;
  /** Its jobs that run now. */
  readonly running: number;
  /** It drives its agent through an adapter, and another backend does it without. */
  readonly isAdapter: boolean;
}

/** Backends in the order in which they are tried, those that cannot do the job left out, and what is to be said of each of all. */
export interface Choice {
  readonly order: readonly string[];
  readonly candidates: RouteCandidate[];
}

/** A rule of the order: the smaller number goes first; where it decided, `words` say why of the one that lost. */
interface Rule {
  readonly rank: (candidate: Candidate) => number;
  readonly words: (candidate: Candidate) => string;
}

/**
 * Orders backends for `auto`. The rules are asked one after another, and the first that tells two backends apart decides:
 * it can begin now; it is healthy; a slot is free; its jobs cost less; fewer of its jobs run; it is no adapter; its name.
 * Costs are compared in dollars where all of them are known in dollars, else in tokens; a backend of unknown cost comes behind those of known cost.
 */
export function chooseBackend(all: readonly Candidate[]): Choice {
  const fit = all.filter(({ unfit }) => unfit === null);
  const rules = rulesFor(fit);
  const ordered = fit.toSorted((a, b) => decide(rules, a, b)?.difference ?? compareNames(a, b));
  const [first] = ordered;
  const behind = ordered.slice(1).map((candidate) => ({ backend: candidate.backend, taken: false, reason: first ? whyBehind(rules, candidate, first) : "" }));
  const out = all
    .filter(({ unfit }) => unfit !== null)
    .toSorted(compareNames)
    .map(({ backend, unfit }) => ({ backend, taken: false, reason: unfit ?? "" }));
  const taken = first ? [{ backend: first.backend, taken: true, reason: first.away === null ? whyFirst(first, ordered) : `waits: ${first.away}` }] : [];
  return { order: ordered.map(({ backend }) => backend), candidates: [...taken, ...behind, ...out] };
}

/** Failures by its own fault from which on a backend counts as shaky; as ailing where at least half of its attempts ended so. */
const SHAKY_FAULTS = 2;

function healthOf({ ended, faults }: Candidate): 0 | 1 | 2 {
  if (faults < SHAKY_FAULTS) return 0;
  return faults * 2 >= ended ? 2 : 1;
}

function rulesFor(fit: readonly Candidate[]): Rule[] {
  const costs = fit.flatMap(({ cost }) => (cost ? [cost] : []));
  const inDollars = costs.every(({ usd }) => usd > 0);
  const costOf = ({ cost }: Candidate): number => (cost === null ? Number.POSITIVE_INFINITY : inDollars ? cost.usd : cost.tokens);
  return [
    { rank: ({ away }) => (away === null ? 0 : 1), words: ({ away }) => away ?? "" },
    { rank: healthOf, words: ({ ended, faults }) => `${faults} of its last ${ended} attempts failed by its own fault` },
    { rank: ({ freeSlots }) => (freeSlots > 0 ? 0 : 1), words: () => "no slot is free" },
    { rank: costOf, words: ({ cost }) => (cost === null ? "what a job costs is not known yet" : `a job costs more: ${costText(cost, inDollars)}`) },
    { rank: ({ running }) => running, words: ({ running }) => `more of its jobs run now: ${running}` },
    { rank: ({ isAdapter }) => (isAdapter ? 1 : 0), words: () => "drives its agent through an adapter, for which there is a backend of its own" },
  ];
}

function decide(rules: readonly Rule[], a: Candidate, b: Candidate): { rule: Rule; difference: number } | undefined {
  for (const rule of rules) {
    const [left, right] = [rule.rank(a), rule.rank(b)];
    // Infinity minus Infinity is no number.
    if (left !== right) return { rule, difference: left < right ? -1 : 1 };
  }
  return undefined;
}

function compareNames(a: Pick<Candidate, "backend">, b: Pick<Candidate, "backend">): number {
  return a.backend < b.backend ? -1 : a.backend > b.backend ? 1 : 0;
}

function whyBehind(rules: readonly Rule[], candidate: Candidate, first: Candidate): string {
  return decide(rules, candidate, first)?.rule.words(candidate) ?? `as good as ${first.backend}, which comes first by its name`;
}

function whyFirst(first: Candidate, ordered: readonly Candidate[]): string {
  const health = first.ended === 0 ? "no attempt within a day" : `${first.faults} of its last ${first.ended} attempts failed by its own fault`;
  const slots = first.freeSlots > 0 ? "a slot is free" : "no slot is free";
  const cost = first.cost === null ? [] : [`about ${costText(first.cost, first.cost.usd > 0)} a job`];
  return `${ordered.length === 1 ? "the only one that can do it" : `the best of ${ordered.length} that can do it`}: ${[health, slots, ...cost].join(", ")}`;
}

function costText({ usd, tokens }: NonNullable<Candidate["cost"]>, inDollars: boolean): string {
  return inDollars ? `$${usd.toFixed(usd < 0.1 ? 3 : 2)}` : `${tokens} tokens`;
}
