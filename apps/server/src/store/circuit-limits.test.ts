import { expect, test } from "vitest";
import { CIRCUIT_LIMITS, coolDownMs } from "./circuit-limits.ts";

test("each time in a row a circuit is open twice as long, up to the limit", () => {
  expect([1, 2, 3, 5, 6, 7, 1_000].map((opens) => coolDownMs(opens, CIRCUIT_LIMITS))).toEqual([
    60_000, 120_000, 240_000, 960_000, 1_800_000, 1_800_000, 1_800_000,
  ]);
  // Who asks for more than the limit gets what they asked for.
  expect(coolDownMs(1, { faults: 1, coolDownMs: 7_200_000, coolDownLimitMs: 1_800_000 })).toBe(7_200_000);
});
