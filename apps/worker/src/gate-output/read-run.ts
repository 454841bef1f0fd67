import { plainText } from "../job/plain-text.ts";
import { cargoTest } from "./cargo-test.ts";
import { goTest } from "./go-test.ts";
import { jest } from "./jest.ts";
import { junit } from "./junit.ts";
import { mocha } from "./mocha.ts";
import { nodeTest } from "./node-test.ts";
import { pytest } from "./pytest.ts";
import { FAILURES_KEPT, LINE_LIMIT_CHARACTERS, NAMES_KEPT, type OutputParser, type RunSummary, type TestFailure } from "./run-summary.ts";
import { tap } from "./tap.ts";
import { vitest } from "./vitest.ts";

/** Every runner whose output is read; one output may hold several. */
const PARSERS: readonly OutputParser[] = [nodeTest, tap, vitest, jest, mocha, pytest, goTest, cargoTest, junit];
/** Of a longer output its end is read: there the runners sum up. */
const READ_LIMIT_BYTES = 8 * 1_048_576;

/**
 * What the test runners in an output said; undefined where none is known. `root` is the folder of the repository as the command saw it: paths below it are
 * shown from there. Never throws, whatever the output is.
 */
export function readRun(output: Uint8Array | string, root?: string): RunSummary | undefined {
  const text = plainText(output.length > READ_LIMIT_BYTES ? output.slice(-READ_LIMIT_BYTES) : output);
  const lines = text.split("\n").map((line) => (line.length > LINE_LIMIT_CHARACTERS ? line.slice(0, LINE_LIMIT_CHARACTERS).toWellFormed() : line));
  const runs = PARSERS.flatMap((parser) => {
    const run = parser.isIn(text) ? parser.parse({ text, lines }) : undefined;
    return run ? [{ ...run, runner: parser.runner }] : [];
  });
  if (runs.length === 0) return undefined;
  const counted = runs.flatMap(({ passed }) => passed ?? []);
  return {
    runners: runs.map(({ runner }) => runner),
    passed: counted.length === 0 ? undefined : sum(counted),
    failed: sum(runs.map(({ failed }) => failed)),
    skipped: sum(runs.map(({ skipped }) => skipped)),
    failures: runs
      .flatMap(({ failures }) => failures)
      .slice(0, FAILURES_KEPT)
      .map((failure) => (root === undefined ? failure : fromRoot(failure, root))),
    passedNames: runs.flatMap(({ passedNames }) => passedNames).slice(0, NAMES_KEPT),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function fromRoot(failure: TestFailure, root: string): TestFailure {
  const prefix = `${root.replace(/\/+$/, "")}/`;
  const shorten = (text: string): string => text.replaceAll(`file://${prefix}`, "").replaceAll(prefix, "");
  return { ...failure, file: failure.file === undefined ? undefined : shorten(failure.file), stack: failure.stack.map(shorten) };
}
