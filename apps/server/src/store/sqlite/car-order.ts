import { PASSED_LIMIT } from "@slipway/protocol/train";

/** The order in which the changes of a target are let into its train, as pieces of SQL about a completion `c`, its job `j` and that job's spec `s`. */

/** Numbers of the jobs ahead of one that waits, in the train or before it in line, that it is foreseen to conflict with. */
const FORESEEN_AHEAD = `
  SELECT ahead.job FROM json_each(s.predicted) p
  JOIN completions ahead ON ahead.job = p.value ->> '$.job' AND ahead.state IN ('pending', 'landing') AND ahead.repo_id = c.repo_id AND ahead.target = c.target
  JOIN jobs before ON before.number = ahead.job
  WHERE ahead.place IS NOT NULL OR (before.claim_rank, ahead.seq) < (j.claim_rank, c.seq)`;

const MAY_YIELD = `c.place IS NULL AND s.predicted IS NOT NULL AND c.passed < ${PASSED_LIMIT}`;

/** JSON: those because of which it lets others pass; an empty list where it does not. */
export const CONFLICTS_WITH = `CASE WHEN ${MAY_YIELD} THEN (SELECT json_group_array(DISTINCT job) FROM (${FORESEEN_AHEAD})) ELSE '[]' END`;

/**
 * Those that were let in, by place; then by lane and priority. Within these a change that is foreseen to conflict with one ahead lets pass those that are not,
 * so many of them; then by age. That a job's dependencies come first needs no word here: it only starts when they are done.
 */
export const CAR_ORDER = `c.place IS NULL, c.place, j.claim_rank, ${MAY_YIELD} AND EXISTS (${FORESEEN_AHEAD}), c.seq`;
