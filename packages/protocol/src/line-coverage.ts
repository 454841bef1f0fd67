import type { LineCoverage } from "./events.ts";

/** Coverage of all code, on a job's base and with its change; `before` is null where it is not known. */
export interface CoverageChange {
  readonly before: LineCoverage | null;
  readonly after: LineCoverage;
}

/** The share of lines that tests run, in percent; null where there is no line. */
export function coveragePercent({ covered, lines }: LineCoverage): number | null {
  return lines === 0 ? null : (100 * covered) / lines;
}

/** How many percentage points more of the lines tests run, negative where it is less; null where one side is not known or has no line. */
export function coveragePoints({ before, after }: CoverageChange): number | null {
  const was = before && coveragePercent(before);
  const is = coveragePercent(after);
  return was === null || is === null ? null : is - was;
}
