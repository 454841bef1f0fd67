import { cutToBytes } from "../job/plain-text.ts";
import type { RunSummary, TestFailure } from "./run-summary.ts";

/** Told whole; of further failures the name and the place are told. */
const TOLD_WHOLE = 10;
/** For the line that says how many more there are. */
const MORE_BYTES = 60;

/** What failed, for an agent: each test with its place, its message, what it expected and got, and the top of its stack. At most `limitBytes`; empty where none failed. */
export function runText(summary: RunSummary, limitBytes: number): string {
  if (summary.failures.length === 0) return "";
  const title = `${countsText(summary)} (${summary.runners.join(", ")}):`;
  const parts = [title];
  let leftBytes = limitBytes - Buffer.byteLength(title) - MORE_BYTES;
  let told = 0;
  for (const [index, failure] of summary.failures.entries()) {
    const name = `${index + 1}. ${failure.name.replaceAll("\n", " ")}${placeText(failure)}`;
    const whole = `${name}\n${detailsOf(failure)}`.trimEnd();
    const part = [index < TOLD_WHOLE ? whole : name, name].find((text) => Buffer.byteLength(text) + 2 <= leftBytes);
    if (part === undefined) break;
    parts.push(part);
    leftBytes -= Buffer.byteLength(part) + 2;
    told += 1;
  }
  const more = Math.max(summary.failed, summary.failures.length) - told;
  if (more > 0) parts.push(`And ${more} more.`);
  return cutToBytes(parts.join("\n\n"), limitBytes);
}

/** `2 of 41 tests failed, 1 was skipped`. */
export function countsText({ passed, failed, skipped }: Pick<RunSummary, "passed" | "failed" | "skipped">): string {
  const of = passed === undefined ? "" : ` of ${passed + failed}`;
  const tests = (passed ?? 0) + failed === 1 ? "test" : "tests";
  const left = skipped === 0 ? "" : skipped === 1 ? ", 1 was skipped" : `, ${skipped} were skipped`;
  return `${failed}${of} ${tests} failed${left}`;
}

function placeText({ file, line }: TestFailure): string {
  return file === undefined ? "" : ` (${file}${line === undefined ? "" : `:${line}`})`;
}

function detailsOf({ message, expected, received, stack }: TestFailure): string {
  // What the message shows already need not be said twice.
  const value = (name: string, text: string | undefined): string[] => (text === undefined || message.includes(text) ? [] : [`${name}: ${text}`]);
  const lines = [...message.split("\n"), ...value("expected", expected), ...value("received", received), ...stack];
  return lines
    .join("\n")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => `   ${line}`)
    .join("\n");
}
