import type { FileDiff, Line } from "@slipway/git/diff";
import { pathMatcher } from "../job/path-globs.ts";
import type { CheckInput, Finding } from "./finding.ts";
import { findHardCoded } from "./hard-coded.ts";
import { codeLines, countLines, type Language, LOOKED_AT_CHARACTERS, languageOf, type TestCase, testCases } from "./test-cases.ts";

/** A file with tests, before and after. */
interface TestFile {
  readonly file: FileDiff;
  readonly language: Language;
  readonly before: readonly TestCase[];
  readonly after: readonly TestCase[];
}

/** The known ways of having tests pass without the work: what was tested before is tested after, as strictly. */
export async function checkTests(input: CheckInput): Promise<Finding[]> {
  const isTest = pathMatcher(input.config.testPaths);
  const testFiles = input.files.filter(({ path }) => isTest(path));
  const read = testFiles.flatMap((file): TestFile[] => {
    const language = languageOf(file.path);
    if (!language) return [];
    return [{ file, language, before: testCases(file.before ?? "", language), after: testCases(file.after ?? "", language) }];
  });
  return [
    ...gone(read),
    ...read.flatMap((file) => [...switchedOff(file), ...unmarked(file), ...weakened(file), ...cutShort(file)]),
    ...input.files.flatMap(changedSnapshots),
    ...(await findHardCoded(
      input.files.filter(({ path }) => !isTest(path)),
      input.tests,
    )),
  ];
}

/** Tests that are nowhere any more. One that moved, or got another name, is still there: its text is. */
function gone(files: readonly TestFile[]): Finding[] {
  const left = new Map<string, number>();
  const take = (key: string): boolean => {
    const count = left.get(key) ?? 0;
    left.set(key, count - 1);
    return count > 0;
  };
  for (const { after } of files) for (const test of after) for (const key of keysOf(test)) left.set(key, (left.get(key) ?? 0) + 1);
  return files.flatMap(({ file, before }) => {
    const lost = before.filter((test) => !keysOf(test).some(take));
    if (lost.length === 0) return [];
    const names = lost.slice(0, 5).map(({ name }) => `"${name.slice(0, 100)}"`);
    const more = lost.length > 5 ? ` and ${lost.length - 5} more` : "";
    const how = file.status === "deleted" ? "The file is deleted, and with it" : "The change removes";
    return [{ path: file.path, message: `${how} ${lost.length === 1 ? "the test" : `${lost.length} tests:`} ${names.join(", ")}${more}.` }];
  });
}

/** A test is known by its name, or by what it does. */
function keysOf({ name, body }: TestCase): string[] {
  const does = body.split("\n").slice(1).join("\n");
  return [`name ${name}`, ...(does.length > 40 ? [`does ${does.replace(/\s+/g, " ")}`] : [])];
}

function switchedOff({ file, language }: TestFile): Finding[] {
  const { path } = file;
  const added = code(file.added, language.comment);
  const net = (pattern: RegExp): number => matching(added, pattern).length - matching(code(file.removed, language.comment), pattern).length;
  const findings: Finding[] = [];
  const tell = (pattern: RegExp, message: string): void => {
    if (net(pattern) > 0)
      findings.push(...matching(added, pattern).map(({ number, text }) => ({ path, line: number, message: `${message}: \`${text.trim().slice(0, 100)}\`.` })));
  };
  tell(language.skip, "A test is skipped, or meant to fail");
  tell(language.only, "A test is run alone, and all others are not");
  tell(language.empty, "An assertion holds whatever the code does");
  tell(language.swallows, "A failure would be taken as a success");
  const commentedOut = file.added.filter(({ text }) => language.comment.test(text) && language.test.test(text.replace(language.comment, "")));
  for (const { number, text } of commentedOut) {
    if (file.removed.some((line) => text.includes(line.text.trim()) && line.text.trim() !== ""))
      findings.push({ path, line: number, message: "A test is turned into a comment." });
  }
  return findings;
}

/** Tests that stay, and are not known as tests any more. */
function unmarked({ file, language, before, after }: TestFile): Finding[] {
  if (file.before === undefined || file.after === undefined || after.length < before.length) return [];
  const markers = (text: string): number => codeLines(text, language).filter((line) => language.marker.test(line.text)).length;
  const [was, is] = [markers(file.before), markers(file.after)];
  return is < was ? [{ path: file.path, message: `${was - is === 1 ? "A test loses" : "Tests lose"} what tells the runner to run them.` }] : [];
}

/** Of the tests that stay: those that now end before their assertions. */
function cutShort({ file, language, before, after }: TestFile): Finding[] {
  const byName = new Map(before.map((test) => [test.name, test]));
  return after.flatMap(({ name, line, body }): Finding[] => {
    const was = byName.get(name);
    if (!was || returnsEarly(body, language) <= returnsEarly(was.body, language)) return [];
    return [{ path: file.path, line, message: `The test "${name.slice(0, 100)}" returns before it has asserted all.` }];
  });
}

/** How many returns without a value stand before an assertion, and behind no condition. */
function returnsEarly(body: string, language: Language): number {
  const lines = body.split("\n");
  const last = lines.findLastIndex((line) => language.assertion.test(line.slice(0, LOOKED_AT_CHARACTERS)));
  return lines.filter((line, index) => index < last && /^return;?$/.test(line) && (index === 1 || !/[{:]$/.test(lines[index - 1] ?? ""))).length;
}

/** What a runner has written down as right. It may have been a person's wish: whoever reads the change decides. */
function changedSnapshots({ path, status }: FileDiff): Finding[] {
  if (status === "added" || !/\.(?:snap|ambr)$|(?:^|\/)__snapshots__\//.test(path)) return [];
  return [{ path, level: "warning", message: `What snapshots expect is ${status === "deleted" ? "deleted" : "changed"}.` }];
}

/** Of the tests that stay: fewer assertions, or weaker ones. */
function weakened({ file, language, before, after }: TestFile): Finding[] {
  const byName = new Map(before.map((test) => [test.name, test]));
  return after.flatMap((test): Finding[] => {
    const was = byName.get(test.name);
    if (!was || was.body === test.body) return [];
    const count = ({ body }: TestCase, pattern: RegExp): number => countLines(body, pattern);
    const [assertionsBefore, assertions] = [count(was, language.assertion), count(test, language.assertion)];
    const at = { path: file.path, line: test.line };
    const named = `the test "${test.name.slice(0, 100)}"`;
    if (assertions === 0 && assertionsBefore > 0) return [{ ...at, message: `All assertions of ${named} are gone.` }];
    if (assertions < assertionsBefore) return [{ ...at, message: `Of ${assertionsBefore} assertions of ${named}, ${assertions} are left.` }];
    const weakBefore = count(was, language.weak);
    const strict = (body: TestCase): number => count(body, language.assertion) - count(body, language.weak);
    if (count(test, language.weak) > weakBefore && strict(test) < strict(was))
      return [{ ...at, message: `An assertion of ${named} is weaker than before: almost anything passes it.` }];
    const changed = linesOf(was, language.assertion).filter((line) => !linesOf(test, language.assertion).includes(line));
    return changed.length === 0 ? [] : [{ ...at, level: "warning", message: `What ${named} expects is changed: \`${changed[0]?.slice(0, 100)}\` was there.` }];
  });
}

function linesOf({ body }: TestCase, pattern: RegExp): string[] {
  return body.split("\n").filter((line) => pattern.test(line.slice(0, LOOKED_AT_CHARACTERS)));
}

function code(lines: readonly Line[], comment: RegExp): Line[] {
  return lines.map(({ number, text }) => ({ number, text: text.slice(0, LOOKED_AT_CHARACTERS) })).filter(({ text }) => !comment.test(text));
}

function matching(lines: readonly Line[], pattern: RegExp): Line[] {
  return lines.filter(({ text }) => pattern.test(text.slice(0, LOOKED_AT_CHARACTERS)));
}
