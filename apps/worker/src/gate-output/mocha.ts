import { BLOCK_LINES, failureFromBlock } from "./failure-block.ts";
import { FAILURES_KEPT, NAME_SEPARATOR, NAMES_KEPT, type OutputParser, type TestFailure } from "./run-summary.ts";

const COUNT = /^\s+(\d{1,9}) (passing|failing|pending)(?: \(\d.{0,20}\))?$/;
const ENTRY = /^ {2}(\d{1,9})\) (.{1,1000})$/;
const PASSED = /^\s+[✔✓] (.{1,1000}?)(?: \(\d{1,9}ms\))?$/u;

/** mocha's reporters `spec` and `dot`. */
export const mocha: OutputParser = {
  runner: "mocha",
  isIn: (text) => text.includes(" passing ("),
  parse({ lines }) {
    const counts = { passing: 0, failing: 0, pending: 0 };
    const failures: TestFailure[] = [];
    const passedNames: string[] = [];
    let isTold = false;
    let isFailing = false;
    for (let index = 0; index < lines.length; index += 1) {
      const line = lines[index] ?? "";
      const count = COUNT.exec(line);
      if (count) {
        isTold ||= count[2] === "passing" && line.includes("(");
        isFailing = count[2] === "failing";
        counts[count[2] as keyof typeof counts] += Number(count[1]);
      } else if (isFailing && ENTRY.test(line)) {
        const { name, block, length } = entryAt(lines, index);
        index += length;
        if (failures.length < FAILURES_KEPT) failures.push(failureFromBlock(name, block));
      } else {
        const passed = PASSED.exec(line)?.[1];
        if (passed !== undefined && passedNames.length < NAMES_KEPT) passedNames.push(passed);
      }
    }
    return isTold ? { passed: counts.passing, failed: Math.max(counts.failing, failures.length), skipped: counts.pending, failures, passedNames } : undefined;
  },
};

/** The names of suites and test stand below each other, the last one with a colon. */
function entryAt(lines: readonly string[], from: number): { name: string; block: readonly string[]; length: number } {
  const names = [ENTRY.exec(lines[from] ?? "")?.[2] ?? ""];
  let at = from + 1;
  while (!names.at(-1)?.endsWith(":") && /^\s{4,}\S/.test(lines[at] ?? "") && names.length < 20) {
    names.push((lines[at] ?? "").trim());
    at += 1;
  }
  let end = at;
  while (end < lines.length && end - at < BLOCK_LINES && !ENTRY.test(lines[end] ?? "")) end += 1;
  const name = names.join(NAME_SEPARATOR).replace(/:$/, "");
  return { name, block: lines.slice(at, end), length: end - from - 1 };
}
