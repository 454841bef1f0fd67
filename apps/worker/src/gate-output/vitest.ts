import { BLOCK_LINES, failureFromBlock } from "./failure-block.ts";
import { FAILURES_KEPT, NAME_SEPARATOR, NAMES_KEPT, type OutputParser, type TestFailure } from "./run-summary.ts";

const TOTAL = /^\s*(Test Files|Tests)\s{2,}(.{1,300})\(\d{1,9}\)$/;
const PART = /(\d{1,9}) (failed|passed|skipped|todo)/g;
const FAIL = /^\s*FAIL\s{2}(?:\|[^|]{1,100}\| )?(\S.*)$/;
const RULE = /^[⎯\s]{0,300}(?:Failed (?:Tests|Suites) \d+|\[\d+\/\d+\])[⎯\s]{0,300}$/;
const PASSED = /^\s*✓ (.{1,1000}?)(?: \d{1,9}ms)?$/u;

/** vitest's reporters for people. */
export const vitest: OutputParser = {
  runner: "vitest",
  isIn: (text) => text.includes(" Test Files ") || text.includes(" RUN  v"),
  parse({ lines }) {
    const counts = { failed: 0, passed: 0, skipped: 0, todo: 0 };
    const failures: TestFailure[] = [];
    const passedNames: string[] = [];
    let hasTotal = false;
    let failedFiles = 0;
    for (let index = 0; index < lines.length; index += 1) {
      const line = lines[index] ?? "";
      const total = TOTAL.exec(line);
      if (total?.[1] === "Tests") {
        hasTotal = true;
        for (const [, count, what] of (total[2] ?? "").matchAll(PART)) counts[what as keyof typeof counts] += Number(count);
      } else if (FAIL.test(line)) {
        // The same error of several tests is told once, below all their names.
        const names: string[] = [];
        for (; FAIL.test(lines[index] ?? ""); index += 1) names.push(FAIL.exec(lines[index] ?? "")?.[1] ?? "");
        const block = errorBlock(lines, index);
        index += block.length - 1;
        for (const whole of names) {
          const { name, file, isFile } = named(whole);
          if (isFile) failedFiles += 1;
          if (failures.length < FAILURES_KEPT) failures.push(failureFromBlock(name, block, { file }));
        }
      } else {
        const passed = PASSED.exec(line)?.[1];
        if (passed !== undefined && !/\(\d+ tests?\b/.test(passed) && passedNames.length < NAMES_KEPT)
          passedNames.push(passed.split(" > ").join(NAME_SEPARATOR));
      }
    }
    if (!hasTotal && !(lines.some((line) => /^\s*RUN\s{2}v\d/.test(line)) && failures.length > 0)) return undefined;
    const failed = Math.max(counts.failed + failedFiles, failures.length);
    return { passed: hasTotal ? counts.passed : undefined, failed, skipped: counts.skipped + counts.todo, failures, passedNames };
  },
};

/** `a.test.ts > suite > test`, and `a.test.ts [ a.test.ts ]` for a file that could not be loaded. */
function named(whole: string): { name: string; file: string; isFile: boolean } {
  const [file = "", ...names] = whole.split(" > ");
  if (names.length > 0) return { name: names.join(NAME_SEPARATOR), file, isFile: false };
  const path = file.replace(/ \[ .* \]$/, "");
  return { name: path, file: path, isFile: true };
}

function errorBlock(lines: readonly string[], from: number): readonly string[] {
  let end = from;
  while (end < lines.length && end - from < BLOCK_LINES && !FAIL.test(lines[end] ?? "") && !RULE.test(lines[end] ?? "")) end += 1;
  return lines.slice(from, end);
}
