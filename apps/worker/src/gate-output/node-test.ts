import { BLOCK_LINES, failureFromBlock } from "./failure-block.ts";
import { placeOf } from "./frames.ts";
import { FAILURES_KEPT, NAMES_KEPT, type OutputParser, type TestFailure } from "./run-summary.ts";

const COUNT = /^ℹ (tests|pass|fail|cancelled|skipped|todo) (\d{1,9})$/;
const RESULT = /^\s*(✔|✖) (.{1,1000}) \(\d{1,9}(?:\.\d{1,12})?ms\)(?: # .*)?$/u;
const FAILING = /^✖ failing tests:$/u;
const AT = /^test at (.{1,1000})$/;

/** `node --test`, reporter `spec`. */
export const nodeTest: OutputParser = {
  runner: "node:test",
  isIn: (text) => text.includes("ℹ tests ") || text.includes("✖ failing tests:"),
  parse({ lines }) {
    const counts = { pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0, tests: 0 };
    const failures: TestFailure[] = [];
    const passedNames: string[] = [];
    let isCounted = false;
    let isFailing = false;
    let seenFailed = 0;
    for (let index = 0; index < lines.length; index += 1) {
      const line = lines[index] ?? "";
      const count = COUNT.exec(line);
      if (count) {
        isCounted = true;
        isFailing = false;
        counts[count[1] as keyof typeof counts] += Number(count[2]);
      } else if (FAILING.test(line)) isFailing = true;
      else if (isFailing && AT.test(line)) {
        const at = placeOf(AT.exec(line)?.[1] ?? "");
        const name = RESULT.exec(lines[index + 1] ?? "")?.[2];
        if (name === undefined) continue;
        const block = indentedBlock(lines, index + 2);
        if (failures.length < FAILURES_KEPT) failures.push(failureFromBlock(name, block, at));
        index += 1 + block.length;
      } else {
        const result = RESULT.exec(line);
        if (!result) continue;
        if (result[1] === "✖") seenFailed += isFailing ? 0 : 1;
        else if (passedNames.length < NAMES_KEPT) passedNames.push(result[2] ?? "");
      }
    }
    if (!isCounted && failures.length === 0) return undefined;
    if (!isCounted) return { passed: undefined, failed: Math.max(seenFailed, failures.length), skipped: 0, failures, passedNames };
    return { passed: counts.pass, failed: counts.fail + counts.cancelled, skipped: counts.skipped + counts.todo, failures, passedNames };
  },
};

/** What is moved to the right below a line, blank lines included. */
export function indentedBlock(lines: readonly string[], from: number): readonly string[] {
  let end = from;
  while (end < lines.length && end - from < BLOCK_LINES && /^(?:\s|$)/.test(lines[end] ?? "")) end += 1;
  return lines.slice(from, end);
}
