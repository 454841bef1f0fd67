import { describe, test } from "vitest";
import { PLACES, type Place } from "./agent-bench.ts";
import type { AgentUnderTest } from "./agent-under-test.ts";
import { matrixCases } from "./cases.ts";

/** Generous: a case has limits of its own. */
const CASE_LIMIT_MS = 120_000;

/**
 * The agent's cases, each a test: the smoke, in the sandbox of host mode. SLIPWAY_MATRIX=full is all of them; SLIPWAY_MATRIX_PLACE is another place. What
 * an agent is exempt from is no test.
 */
export function describeAgent(agent: AgentUnderTest): void {
  const place = placeOf(process.env["SLIPWAY_MATRIX_PLACE"] ?? "bwrap");
  const isFull = process.env["SLIPWAY_MATRIX"] === "full";
  describe(`${agent.backend.name} in ${place}`, () => {
    for (const { name, isSmoke, exempt, run } of matrixCases(agent, place)) {
      if ((isSmoke || isFull) && exempt === undefined) test(name, { timeout: CASE_LIMIT_MS }, run);
    }
  });
}

function placeOf(text: string): Place {
  const place = PLACES.find((name) => name === text);
  if (!place) throw new Error(`SLIPWAY_MATRIX_PLACE: expected one of ${PLACES.join(", ")}, found ${JSON.stringify(text)}`);
  return place;
}
