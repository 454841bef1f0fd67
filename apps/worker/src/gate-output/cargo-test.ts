import { BLOCK_LINES, bounded, failureFromBlock } from "./failure-block.ts";
import { FAILURES_KEPT, NAMES_KEPT, type OutputParser, type TestFailure } from "./run-summary.ts";

const TOTAL = /^test result: (?:ok|FAILED)\. (\d{1,9}) passed; (\d{1,9}) failed; (\d{1,9}) ignored;/;
const RESULT = /^test (\S.{0,500}?) \.\.\. (ok|FAILED|ignored)\b/;
const BLOCK = /^---- (\S.{0,500}?) stdout ----$/;
const PANIC = /^thread '.{0,500}' (?:\(\d{1,12}\) )?panicked at (?:'(.{0,1000})', )?([^\s:]{1,300}):(\d{1,9}):\d{1,9}:?$/;

/** `cargo test`, that is Rust's libtest. */
export const cargoTest: OutputParser = {
  runner: "cargo test",
  isIn: (text) => text.includes("test result: ") || text.includes("\nrunning "),
  parse({ lines }) {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const failures = new Map<string, TestFailure>();
    const passedNames: string[] = [];
    let isTold = false;
    let ended = { failed: 0 };
    for (let index = 0; index < lines.length; index += 1) {
      const line = lines[index] ?? "";
      const total = TOTAL.exec(line);
      const result = RESULT.exec(line);
      const name = BLOCK.exec(line)?.[1];
      if (total) {
        isTold = true;
        counts.passed += Number(total[1]);
        counts.failed += Number(total[2]);
        counts.skipped += Number(total[3]);
        ended = { failed: 0 };
      } else if (name !== undefined) {
        const block = blockAt(lines, index + 1);
        index += block.length;
        if (failures.size < FAILURES_KEPT) failures.set(name, failureOf(name, block));
      } else if (result?.[1]) {
        isTold = true;
        if (result[2] === "ok" && passedNames.length < NAMES_KEPT) passedNames.push(result[1]);
        if (result[2] !== "FAILED") continue;
        ended.failed += 1;
        if (!failures.has(result[1]) && failures.size < FAILURES_KEPT) failures.set(result[1], bounded({ name: result[1], message: "", stack: [] }));
      }
    }
    if (!isTold) return undefined;
    // What was cut off has no total.
    const failed = Math.max(counts.failed + ended.failed, failures.size);
    return { passed: Math.max(counts.passed, passedNames.length), failed, skipped: counts.skipped, failures: [...failures.values()], passedNames };
  },
};

function blockAt(lines: readonly string[], from: number): readonly string[] {
  let end = from;
  while (end < lines.length && end - from < BLOCK_LINES && !BLOCK.test(lines[end] ?? "") && !/^(?:failures:|test result:)/.test(lines[end] ?? "")) end += 1;
  return lines.slice(from, end);
}

function failureOf(name: string, block: readonly string[]): TestFailure {
  const at = block.findIndex((line) => PANIC.test(line));
  if (at < 0) return failureFromBlock(name, block);
  const [, words, file, line] = PANIC.exec(block[at] ?? "") ?? [];
  const end = block.findIndex((text, index) => index > at && /^(?:$|note: |stack backtrace:)/.test(text));
  const said = block.slice(at + 1, end < 0 ? undefined : end);
  const failure = failureFromBlock(name, [...(words === undefined ? [] : [words]), ...said, ...block.slice(end < 0 ? block.length : end)], {
    file,
    line: Number(line),
  });
  return bounded({ ...failure, message: [...(words === undefined ? [] : [words]), ...said].join("\n").trim() });
}
