import { BLOCK_LINES, bounded, failureFromBlock } from "./failure-block.ts";
import { placeOf } from "./frames.ts";
import { FAILURES_KEPT, NAMES_KEPT, type OutputParser, type TestFailure } from "./run-summary.ts";

const BEGIN = /^TAP version 1[234]$|^1\.\.\d{1,9}(?:\s|$)/;
const POINT = /^(\s{0,200})(not )?ok (\d{1,9})\b(.*)$/;
const DIRECTIVE = /(?:^|\s)#\s{0,5}(skip|todo)\b/i;
const COUNT = /^# (pass|fail|skipped|skip|todo|cancelled)\s+(\d{1,9})$/;

interface Point {
  readonly indent: number;
  readonly isBad: boolean;
  readonly directive: string | undefined;
  readonly name: string;
}

/**
 * The Test Anything Protocol (testanything.org, versions 12 to 14), as node:test, tape, node-tap and others write it. Read by hand, line by line: among other
 * output, cut off anywhere, and in bounded time, which the parsers on npm do not promise.
 */
export const tap: OutputParser = {
  runner: "TAP",
  isIn: (text) => text.includes("TAP version 1") || /^1\.\.\d/m.test(text),
  parse({ lines }) {
    if (!lines.some((line) => BEGIN.test(line))) return undefined;
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const told = new Map<string, number>();
    const failures: TestFailure[] = [];
    const passedNames: string[] = [];
    let deepest = -1;
    for (let index = 0; index < lines.length; index += 1) {
      const line = lines[index] ?? "";
      const count = COUNT.exec(line);
      if (count?.[1]) told.set(count[1], (told.get(count[1]) ?? 0) + Number(count[2]));
      const point = pointOf(line);
      if (!point) continue;
      const block = yamlBlock(lines, index + 1);
      const fields = fieldsOf(block);
      // A test with tests in it ends after them, and says nothing that they have not said.
      const isParent = deepest > point.indent || fields.get("failureType")?.[0] === "subtestsFailed";
      deepest = point.indent;
      index += block.length;
      if (isParent) continue;
      if (point.directive) counts.skipped += 1;
      else if (point.isBad) {
        counts.failed += 1;
        if (failures.length < FAILURES_KEPT) failures.push(failureOf(point.name, fields));
      } else {
        counts.passed += 1;
        if (passedNames.length < NAMES_KEPT) passedNames.push(point.name);
      }
    }
    if (counts.passed + counts.failed + counts.skipped === 0) return undefined;
    const failed = (told.get("fail") ?? counts.failed) + (told.get("cancelled") ?? 0);
    return { passed: told.get("pass") ?? counts.passed, failed: Math.max(failed, failures.length), skipped: counts.skipped, failures, passedNames };
  },
};

function pointOf(line: string): Point | undefined {
  // Behind a brace stand the tests that are in this one.
  if (!/^\s*(?:not )?ok \d/.test(line) || line.endsWith(" {")) return undefined;
  const match = POINT.exec(line);
  if (!match) return undefined;
  const words = (match[4] ?? "").trim().replace(/^- ?/, "");
  const directive = DIRECTIVE.exec(words);
  const name = (directive ? words.slice(0, directive.index) : words).trim().replace(/ # time=\S{1,30}$/, "");
  return { indent: match[1]?.length ?? 0, isBad: match[2] !== undefined, directive: directive?.[1], name: name || `test ${match[3]}` };
}

/** The lines from `---` to `...` below a point. */
function yamlBlock(lines: readonly string[], from: number): readonly string[] {
  if ((lines[from] ?? "").trim() !== "---") return [];
  let end = from + 1;
  while (end < lines.length && end - from < 4 * BLOCK_LINES && (lines[end] ?? "").trim() !== "...") {
    if (pointOf(lines[end] ?? "")) return lines.slice(from, end);
    end += 1;
  }
  return lines.slice(from, end + 1);
}

/** The fields of the block itself, each with its lines; a value that is a text of several lines has them all. */
function fieldsOf(block: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  const indent = (block[0] ?? "").search(/\S/);
  let own = -1;
  let current: string[] | undefined;
  for (const line of block.slice(1)) {
    if (line.trim() === "...") break;
    const at = line.search(/\S/);
    if (at < 0) {
      current?.push("");
      continue;
    }
    if (own < 0) own = Math.max(at, indent);
    const match = at === own ? /^([A-Za-z_]\w{0,50}):\s{0,50}(.*)$/.exec(line.trim()) : null;
    if (match?.[1]) {
      const value = match[2] ?? "";
      current = /^[|>][-+]?$/.test(value) || value === "" ? [] : [unquoted(value)];
      fields.set(match[1], current);
    } else current?.push(line.slice(Math.min(at, own + 2)));
  }
  return fields;
}

function failureOf(name: string, fields: ReadonlyMap<string, readonly string[]>): TestFailure {
  const text = (key: string): string | undefined => fields.get(key)?.join("\n").slice(0, 2_000).trim() || undefined;
  const frames = (fields.get("stack") ?? []).filter((line) => /:\d{1,9}:\d{1,9}\)?$/.test(line));
  const stack = frames.map((line) => (/^\s*at /.test(line) ? line : `at ${line.trim()}`));
  const said = fields.get("error") ?? fields.get("message") ?? [];
  // An error may be an object with a message.
  const inner = said.map((line) => /^\s*message: (.{1,1000})$/.exec(line)?.[1]).find((words) => words !== undefined);
  const message = inner === undefined ? said.map((line) => line.trimEnd()) : [unquoted(inner)];
  const at = placeOf(text("location") ?? "") ?? placeOf(/\(([^()]{1,400})\)$/.exec(text("at") ?? "")?.[1] ?? text("at") ?? "");
  const failure = failureFromBlock(name, [...message, ...stack], at);
  return bounded({ ...failure, expected: text("expected") ?? failure.expected, received: text("actual") ?? failure.received });
}

function unquoted(value: string): string {
  return /^(['"]).*\1$/.test(value) ? value.slice(1, -1) : value;
}
