import { test } from "vitest";
import { LandingBench } from "../support/landing-bench.ts";
import { checkHistory, type History, playHistory } from "../support/train-history.ts";

/**
 * Many jobs on one branch, red, conflicting and pushed-upon ones among them, and `kill -9` of the integrator throughout. 100 jobs with SLIPWAY_FAULTS=all.
 */
const { JOBS, LIMIT_MS } = process.env["SLIPWAY_FAULTS"] === "all" ? { JOBS: 100, LIMIT_MS: 1_200_000 } : { JOBS: 25, LIMIT_MS: 240_000 };
/** A kill comes after so many verifications, again and again. */
const CALM = 7;

test(
  `${JOBS} jobs land on one branch while the integrator is killed again and again`,
  async () => {
    await using bench = await LandingBench.open({
      ".slipway.yaml": "gates:\n  - name: test\n    run: node --test\nlanding: { revisions: 0, train: { parallel: 8 } }\n",
      "a.txt": "one\ntwo\nthree\n",
    });
    const history: History = {
      changes: Array.from({ length: JOBS }, (_, index) => (index % 11 === 5 ? "bad" : index % 17 === 9 ? "conflict" : "own")),
      killsAt: Array.from({ length: JOBS }, (_, index) => (index + 1) * CALM),
      pushesAt: [10, 40, 80],
    };
    await checkHistory(bench, history, "busy", await playHistory(bench, history, "busy"));
  },
  LIMIT_MS,
);
