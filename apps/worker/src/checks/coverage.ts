import type { FileDiff } from "@slipway/git/diff";
import type { LineHits } from "../gate-output/coverage-report.ts";
import { type Finding, shownPath } from "./finding.ts";

/** Of the changed lines of a file: which can be run, and which are not. */
export interface FileCoverage {
  readonly path: string;
  readonly covered: number;
  readonly coverable: number;
  /** Lines that no test runs, as `12` or `14-16`. */
  readonly uncovered: readonly string[];
}

/** Coverage of changed lines: of a change's added and changed lines, those that tests ran. */
export interface ChangeCoverage {
  readonly covered: number;
  /** Lines that a report tells of: blank ones, comments and types are none. */
  readonly coverable: number;
  /** 100 where nothing can be covered. */
  readonly percent: number;
  readonly files: readonly FileCoverage[];
}

const SHOWN_FILES = 20;
const SHOWN_RANGES = 10;

/** What some reports say of the changed lines. `roots` are the folders that their paths may be told from, as the gate saw them. */
export function coverageOf(files: readonly FileDiff[], reports: readonly LineHits[], roots: readonly string[]): ChangeCoverage {
  const told = files.flatMap((file): FileCoverage[] => {
    if (file.status === "deleted" || file.added.length === 0) return [];
    const hits = reports.flatMap((report) => linesOf(report, file.path, roots) ?? []);
    const lines = file.added.map(({ number }) => number).filter((number) => hits.some((each) => each.has(number)));
    if (lines.length === 0) return [];
    const missed = lines.filter((number) => hits.every((each) => (each.get(number) ?? 0) === 0));
    return [{ path: file.path, covered: lines.length - missed.length, coverable: lines.length, uncovered: rangesOf(missed) }];
  });
  const covered = told.reduce((sum, file) => sum + file.covered, 0);
  const coverable = told.reduce((sum, file) => sum + file.coverable, 0);
  return { covered, coverable, percent: coverable === 0 ? 100 : (covered / coverable) * 100, files: told };
}

/** Too little is a finding; what is not run is told in any case. */
export function judgeCoverage({ covered, coverable, percent, files }: ChangeCoverage, leastPercent: number): Finding[] {
  const missed = files.filter(({ uncovered }) => uncovered.length > 0);
  const isEnough = percent >= leastPercent;
  if (missed.length === 0) return [];
  const level = isEnough ? ({ level: "warning" } as const) : {};
  // Rounded down: 79.9 % is not 80 %.
  const share = `Tests run ${covered} of ${coverable} changed lines, ${Math.floor(percent)} %`;
  const shown = missed.slice(0, SHOWN_FILES).map(({ path, uncovered }) => {
    const more = uncovered.length > SHOWN_RANGES ? ` and ${uncovered.length - SHOWN_RANGES} more places` : "";
    return { path: shownPath(path), message: `No test runs line ${uncovered.slice(0, SHOWN_RANGES).join(", ")}${more}.`, ...level };
  });
  const rest = missed.length > SHOWN_FILES ? [{ message: `Lines of ${missed.length - SHOWN_FILES} more files are not run.`, ...level }] : [];
  return [{ message: isEnough ? `${share}.` : `${share}; at least ${leastPercent} % have to be.`, ...level }, ...shown, ...rest];
}

function linesOf(report: LineHits, path: string, roots: readonly string[]): ReadonlyMap<number, number> | undefined {
  for (const root of ["", ...roots.map((each) => `${each.replace(/\/+$/, "")}/`)]) {
    const found = report.get(`${root}${path}`) ?? report.get(`./${path}`);
    if (found) return found;
    // A gate with a folder of its own tells paths from there.
    if (root !== "" && path.startsWith(root)) {
      const below = report.get(path.slice(root.length)) ?? report.get(`./${path.slice(root.length)}`);
      if (below) return below;
    }
  }
  return undefined;
}

function rangesOf(lines: readonly number[]): string[] {
  const ranges: Array<{ from: number; to: number }> = [];
  for (const line of lines.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && line === last.to + 1) last.to = line;
    else ranges.push({ from: line, to: line });
  }
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
}
