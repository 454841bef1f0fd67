import { LANDING_STYLES } from "@slipway/protocol/landing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LandingBench } from "../support/landing-bench.ts";
import { type ChangeKind, checkHistory, type History, playHistory } from "../support/train-history.ts";

/**
 * Random histories of a target in every style, with and without batches: changes that conflict, are red or flaky, pushes of others, and kills of the integrator, held against what must come of them
 * whatever happened. A few by themselves, many with SLIPWAY_FAULTS=all; a failure prints its seed and path.
 */
const { RUNS, LIMIT_MS } = process.env["SLIPWAY_FAULTS"] === "all" ? { RUNS: 60, LIMIT_MS: 3_600_000 } : { RUNS: 2, LIMIT_MS: 240_000 };

const kinds: fc.Arbitrary<ChangeKind[]> = fc.array(fc.constantFrom<ChangeKind>("own", "own", "conflict", "bad"), { minLength: 2, maxLength: 6 });
// One flake at most: a change that meets two of others is refused like a red one.
const changes = fc.tuple(kinds, fc.option(fc.nat(6))).map(([all, at]) => (at === null ? all : all.with(at % all.length, "flaky")));
const moments = fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { maxLength: 2 });
const landing = fc.record({
  style: fc.constantFrom(...LANDING_STYLES),
  parallel: fc.integer({ min: 1, max: 4 }),
  batch: fc.constantFrom(1, 1, 2, 4),
});
const histories: fc.Arbitrary<History> = fc.record({ changes, landing, pushesAt: moments, killsAt: moments });

test(
  "whatever happens on the way, nothing is lost, lands twice or out of order, and what landed was tested",
  async () => {
    await using bench = await LandingBench.open({
      ".slipway.yaml": "gates:\n  - name: test\n    run: node --test\nlanding: { revisions: 0 }\n",
      "a.txt": "one\ntwo\nthree\n",
    });
    let count = 0;
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        count += 1;
        const target = `history-${count}`;
        await checkHistory(bench, history, target, await playHistory(bench, history, target));
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(count).toBe(RUNS);
  },
  LIMIT_MS,
);
