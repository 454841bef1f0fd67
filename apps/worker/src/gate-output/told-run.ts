import type { TestRun } from "@slipway/protocol/events";
import { COMPACT_LIMIT_BYTES, compactOutput } from "../job/compact-output.ts";
import { cutToBytes } from "../job/plain-text.ts";
import type { Masks } from "../secrets/masks.ts";
import type { RunSummary } from "./run-summary.ts";
import { runText } from "./run-text.ts";

/** What a gate's event tells of its tests. */
export type ToldRun = TestRun;

const TOLD_FAILURES = 20;
const TEXT_CHARACTERS = 300;
/** Beside what the runner said, of what it said all: a message of another program that explains it, perhaps. */
const REST_BYTES = 2_048;
const BETWEEN = "\n\nFrom its output:\n";

/** A summary as events have it: names masked, the first failures alone. */
export function toldRun({ runners, passed, failed, skipped, failures }: RunSummary, masks: Pick<Masks, "text">): ToldRun {
  const shown = (text: string): string => masks.text(text).slice(0, TEXT_CHARACTERS).toWellFormed();
  return {
    runners: runners.map(shown),
    ...(passed === undefined ? {} : { passed }),
    failed,
    skipped,
    failing: failures.slice(0, TOLD_FAILURES).map(({ name, file, line }) => ({
      name: shown(name),
      ...(file === undefined ? {} : { file: shown(file) }),
      ...(line === undefined ? {} : { line }),
    })),
  };
}

/** What a failed command said, for an agent: the tests that failed where they are known, and of the rest what matters. At most `limitBytes`. */
export function failureExcerpt(output: Uint8Array | string, tests: RunSummary | undefined, limitBytes: number = COMPACT_LIMIT_BYTES): string {
  const told = tests ? runText(tests, limitBytes - REST_BYTES - BETWEEN.length) : "";
  if (told === "") return compactOutput(output, limitBytes);
  // A runner that does not say how a test failed leaves it to the rest of the output.
  const isWhole = tests?.failures.every(({ message }) => message !== "") ?? false;
  const roomBytes = limitBytes - Buffer.byteLength(told) - BETWEEN.length;
  return cutToBytes(`${told}${BETWEEN}${compactOutput(output, isWhole ? Math.min(roomBytes, REST_BYTES) : roomBytes)}`, limitBytes);
}
