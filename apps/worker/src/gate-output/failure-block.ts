import { frameOf } from "./frames.ts";
import type { TestFailure } from "./run-summary.ts";

const MESSAGE_LINES = 12;
const MESSAGE_CHARACTERS = 2_000;
const NAME_CHARACTERS = 300;
const VALUE_CHARACTERS = 500;
const STACK_FRAMES = 3;
/** Of what a runner prints below a failure so many lines are looked at. */
export const BLOCK_LINES = 200;

/** `Expected: 3`, `expected: 3,`, ` right: 3`: what stands behind is the value. */
const EXPECTED = /^\s*(?:Expected(?: [a-z]+)?:|expected:|right:)\s{1,8}(\S.*?),?$/;
const RECEIVED = /^\s*(?:Received(?: [a-z]+)?:|actual:|received:|left:)\s{1,8}(\S.*?),?$/;
/** Of a diff: what follows with `-` was expected and with `+` received, or the other way round. */
const MINUS_IS_EXPECTED = /^\s*- Expected\b|^\s*--- expected\b/i;
const PLUS_IS_EXPECTED = /^\s*\+ expected - actual$/;
const PLUS_IS_ACTUAL = /^\s*\+ actual - expected\b/;
/** Lines of code around the place, as runners show them. */
const CODE_EXCERPT = /^\s*(?:>\s*)?(?:\d+\s*)?\|/;
const NOISE =
  /^\s*(?:\+ Received|- Expected)\b.{0,40}$|^\s*[⎯─-]{3,}.*$|^\s*(?:generatedMessage|operator|diff|code): .{0,80}$|^\s*[{}]$|^\s*\^+$|^\s*\+ (?:expected - actual|actual - expected)\b/;

/** A failure from what its runner printed below the test's name: message, values and stack, whatever JavaScript runner it was. */
export function failureFromBlock(name: string, block: readonly string[], at: { file?: string | undefined; line?: number | undefined } = {}): TestFailure {
  const lines = block.slice(0, BLOCK_LINES);
  const frames = lines.flatMap((line) => frameOf(line) ?? []);
  const ours = frames.filter(({ isOurs }) => isOurs);
  const firstFrame = lines.findIndex((line) => frameOf(line) !== undefined);
  const diff = valuesOfDiff(lines);
  const place = ours.find(({ file }) => at.file !== undefined && samePath(file, at.file)) ?? (at.file === undefined ? ours[0] : undefined);
  return bounded({
    name,
    file: at.file ?? place?.file,
    line: at.line ?? place?.line,
    message: messageOf(firstFrame < 0 ? lines : lines.slice(0, firstFrame)),
    expected: valueBy(lines, EXPECTED) ?? diff.expected,
    received: valueBy(lines, RECEIVED) ?? diff.received,
    stack: ours.map(({ text }) => text),
  });
}

/** Within the limits of what is kept of one failure. */
export function bounded(failure: TestFailure): TestFailure {
  return {
    name: cut(failure.name.trim(), NAME_CHARACTERS),
    file: failure.file === undefined ? undefined : cut(failure.file, NAME_CHARACTERS),
    line: failure.line !== undefined && Number.isSafeInteger(failure.line) && failure.line > 0 ? failure.line : undefined,
    message: cut(failure.message, MESSAGE_CHARACTERS),
    expected: failure.expected === undefined ? undefined : cut(failure.expected, VALUE_CHARACTERS),
    received: failure.received === undefined ? undefined : cut(failure.received, VALUE_CHARACTERS),
    stack: failure.stack.slice(0, STACK_FRAMES).map((frame) => cut(frame, NAME_CHARACTERS)),
  };
}

/** Lines that say something, moved to the left together. */
export function messageOf(lines: readonly string[]): string {
  const told = lines.filter((line) => line.trim() !== "" && !NOISE.test(line) && !CODE_EXCERPT.test(line)).slice(0, MESSAGE_LINES);
  const indentOf = (line: string): number => line.length - line.trimStart().length;
  // Some runners put the rest of a message further to the left than its beginning.
  const indent = indentOf(told[0] ?? "");
  return told.map((line) => line.slice(Math.min(indent, indentOf(line)))).join("\n");
}

function valueBy(lines: readonly string[], pattern: RegExp): string | undefined {
  for (const line of lines) {
    const match = pattern.exec(line);
    if (match?.[1]) return match[1];
  }
  return undefined;
}

function valuesOfDiff(lines: readonly string[]): { expected?: string | undefined; received?: string | undefined } {
  const header = lines.findIndex((line) => MINUS_IS_EXPECTED.test(line) || PLUS_IS_EXPECTED.test(line) || PLUS_IS_ACTUAL.test(line));
  const title = lines[header];
  if (title === undefined) return {};
  const body = lines.slice(header + 1).filter((line) => line.trim() !== "" && !NOISE.test(line) && !CODE_EXCERPT.test(line) && frameOf(line) === undefined);
  const [first = "", second = ""] = body.map((line) => line.trim());
  // What stands in lines of its own is one value each; a longer diff tells more as it is.
  if (body.length !== 2 || !/^[-+]/.test(first) || !/^[-+]/.test(second) || first[0] === second[0]) return {};
  const [minus, plus] = (first.startsWith("-") ? [first, second] : [second, first]).map((line) => line.slice(1).trim());
  return PLUS_IS_EXPECTED.test(title) ? { expected: plus, received: minus } : { expected: minus, received: plus };
}

function samePath(one: string, other: string): boolean {
  return one === other || one.endsWith(`/${other}`) || other.endsWith(`/${one}`);
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1).toWellFormed()}…`;
}
