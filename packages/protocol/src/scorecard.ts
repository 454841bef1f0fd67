import { z } from "zod";
import { lineCoverageSchema, turnResourcesSchema, usageSchema } from "./events.ts";
import { JOB_STATES } from "./states.ts";

/**
 * How well a job went, in numbers that can be counted again from its events: docs/scorecard.md has the formula. No part of it is anybody's opinion.
 */

/** Of this many jobs at most the history is made: the newest ones. */
export const HISTORY_JOBS = 200;
/** With fewer jobs than this there is no history to compare with. */
export const HISTORY_MIN_JOBS = 3;

const count = z.int().nonnegative();

/** What a score is made of. */
export const scorecardFactsSchema = z.object({
  state: z.enum(JOB_STATES),
  /** The failure's code; null where there is none. */
  code: z.string().nullable(),
  /** Whether it lands by a person's word, though something was red. */
  isAccepted: z.boolean(),
  attempts: count,
  turns: count,
  /** Turns that ended with an error of the agent, of its vendor or of time. */
  failedTurns: count,
  /** Turns because a gate, a check, the critic or the landing said no. */
  repairs: count,
  toolCalls: count,
  toolErrors: count,
  /** Gates that ran in the first round after the agent's first turn, and those of them that passed at once. */
  gates: count,
  gatesAtFirst: count,
  /** Checks that looked at the first change, and lines of what they refused and only told of. */
  checks: count,
  refusals: count,
  warnings: count,
  /** Of all code, on the base and with the newest change, where the check `coverage` told it. */
  coverage: z.object({ before: lineCoverageSchema.nullable(), after: lineCoverageSchema }).nullable().default(null),
  /** From the first claim to the end, in ms; null where it has not both. */
  workMs: z.number().nonnegative().nullable(),
  /** The same of the newest jobs of the repository and backend that were done: how many there are, and their median, null where they are too few. */
  history: z.object({ jobs: count, medianMs: z.number().nonnegative().nullable() }),
  usage: usageSchema,
  /** Of all its agents' turns together: processor time, and most memory held at one time; null where no runner told. */
  machine: turnResourcesSchema.nullable().default(null),
  /** Events that are no longer kept, or were dropped: then the counts are of what is left. */
  isPartial: z.boolean(),
});
/** Counts and times of a job. */
export type ScorecardFacts = z.infer<typeof scorecardFactsSchema>;

/** The parts of a score, with the most points that each can have. */
export const SCORE_PARTS = { completion: 40, errors: 20, gates: 15, checks: 15, latency: 10 } as const;
/** The name of a part. */
export type ScorePart = keyof typeof SCORE_PARTS;

/** One part of a score as it was counted. */
export const scoredPartSchema = z.object({
  name: z.enum(Object.keys(SCORE_PARTS) as [ScorePart, ...ScorePart[]]),
  /** From 0 to 1; null where there is nothing to count, and then its points are not missed. */
  share: z.number().min(0).max(1).nullable(),
  most: z.int(),
  /** How it was counted, for people. */
  how: z.string(),
});
/** One part of a score. */
export type ScoredPart = z.infer<typeof scoredPartSchema>;

/** All of it. */
export const scorecardSchema = z.object({
  /** From 0 to 100; null while the job is not final. */
  score: z.int().min(0).max(100).nullable(),
  parts: z.array(scoredPartSchema),
  facts: scorecardFactsSchema,
});
/** How well a job went. */
export type Scorecard = z.infer<typeof scorecardSchema>;

/** The score of these facts: what its counted parts have of their points, as a share of 100. A fact that is worse never makes it higher. */
export function scorecardOf(facts: ScorecardFacts): Scorecard {
  const parts = [completion(facts), errors(facts), gates(facts), checks(facts), latency(facts)];
  const counted = parts.filter((part): part is ScoredPart & { share: number } => part.share !== null);
  const most = counted.reduce((sum, part) => sum + part.most, 0);
  const points = counted.reduce((sum, part) => sum + part.share * part.most, 0);
  const isFinal = facts.state === "done" || facts.state === "failed" || facts.state === "cancelled";
  return { score: isFinal ? Math.round((100 * points) / most) : null, parts, facts };
}

function part(name: ScorePart, share: number | null, how: string): ScoredPart {
  return { name, share: share === null ? null : Math.min(1, Math.max(0, share)), most: SCORE_PARTS[name], how };
}

function completion({ state, code, isAccepted }: ScorecardFacts): ScoredPart {
  if (state === "done") return isAccepted ? part("completion", 0.5, "landed by a person's word, which counts half") : part("completion", 1, "done");
  return part("completion", 0, code === null ? state : `${state} with ${code}`);
}

function errors({ failedTurns, repairs, toolCalls, toolErrors, turns }: ScorecardFacts): ScoredPart {
  if (turns === 0) return part("errors", null, "its agent had no turn");
  const toolRate = toolCalls === 0 ? 0 : Math.min(1, toolErrors / toolCalls);
  const how = `1 − ¼ × ${failedTurns} failed turns − ¼ × ${repairs} repairs − ½ × ${toolErrors} of ${toolCalls} tool calls`;
  return part("errors", 1 - failedTurns / 4 - repairs / 4 - toolRate / 2, how);
}

function gates({ gates: all, gatesAtFirst }: ScorecardFacts): ScoredPart {
  return all === 0 ? part("gates", null, "no gate has run") : part("gates", gatesAtFirst / all, `${gatesAtFirst} of ${all} passed at first`);
}

function checks({ checks: all, refusals, warnings }: ScorecardFacts): ScoredPart {
  if (all === 0) return part("checks", null, "no check has run");
  return part("checks", 1 - refusals / 5 - warnings / 20, `1 − ⅕ × ${refusals} findings that refused the first change − 1⁄20 × ${warnings} others`);
}

function latency({ workMs, history: { jobs, medianMs } }: ScorecardFacts): ScoredPart {
  if (workMs === null) return part("latency", null, "it has not both begun and ended");
  if (medianMs === null) return part("latency", null, `no history: ${jobs} jobs of this repository and backend are done, and it takes ${HISTORY_MIN_JOBS}`);
  const how = `median ${Math.round(medianMs)} ms of ${jobs} jobs ÷ ${Math.round(workMs)} ms, at most 1`;
  return part("latency", workMs <= medianMs ? 1 : medianMs / workMs, how);
}
