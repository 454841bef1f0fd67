import { BLOCK_LINES, failureFromBlock } from "./failure-block.ts";
import { FAILURES_KEPT, NAMES_KEPT, type OutputParser, type TestFailure } from "./run-summary.ts";

const TOTAL = /^Tests:\s+(.{1,300})$/;
const PART = /(\d{1,9}) (failed|passed|skipped|todo|total)/g;
const FILE = /^\s*(FAIL|PASS)\s+(?:\S+ )?(\S+?)(?: \([\d.]+ m?s\))?$/;
const BULLET = /^ {2}● (.{1,1000})$/;
const END = /^(?:Test Suites:|Tests:|Snapshots:|Summary of all failing tests)/;
const PASSED = /^\s+✓ (.{1,1000}?)(?: \([\d.]{1,12} m?s\))?$/u;
const NOT_RUN = "Test suite failed to run";

/** jest's default and verbose reporters. */
export const jest: OutputParser = {
  runner: "jest",
  isIn: (text) => text.includes("\nTests: "),
  parse({ lines }) {
    const counts = { failed: 0, passed: 0, skipped: 0, todo: 0, total: 0 };
    const failures = new Map<string, TestFailure>();
    const passedNames: string[] = [];
    let hasTotal = false;
    let notRun = 0;
    let file: string | undefined;
    for (let index = 0; index < lines.length; index += 1) {
      const line = lines[index] ?? "";
      const total = TOTAL.exec(line);
      const header = FILE.exec(line);
      const bullet = BULLET.exec(line);
      if (total?.[1]?.includes(" total")) {
        hasTotal = true;
        for (const [, count, what] of total[1].matchAll(PART)) counts[what as keyof typeof counts] += Number(count);
      } else if (header) file = header[2];
      else if (bullet?.[1] && bullet[1] !== "Console") {
        const block = errorBlock(lines, index + 1);
        index += block.length;
        const isNotRun = bullet[1] === NOT_RUN;
        const name = isNotRun ? (file ?? NOT_RUN) : bullet[1];
        const key = `${file ?? ""}\0${name}`;
        // What failed is told again in a summary at the end.
        if (failures.has(key) || failures.size >= FAILURES_KEPT) continue;
        notRun += isNotRun ? 1 : 0;
        failures.set(key, failureFromBlock(name, block, { file }));
      } else {
        const passed = PASSED.exec(line)?.[1];
        if (passed !== undefined && passedNames.length < NAMES_KEPT) passedNames.push(passed);
      }
    }
    if (!hasTotal) return undefined;
    const failed = Math.max(counts.failed + notRun, failures.size);
    return { passed: counts.passed, failed, skipped: counts.skipped + counts.todo, failures: [...failures.values()], passedNames };
  },
};

function errorBlock(lines: readonly string[], from: number): readonly string[] {
  let end = from;
  while (end < lines.length && end - from < BLOCK_LINES && !isEnd(lines[end] ?? "")) end += 1;
  return lines.slice(from, end);
}

function isEnd(line: string): boolean {
  return BULLET.test(line) || FILE.test(line) || END.test(line);
}
