import type { FileDiff, Line } from "@slipway/git/diff";
import type { CheckInput, Finding } from "./finding.ts";
import { LOOKED_AT_CHARACTERS, languageOf } from "./test-cases.ts";

/** A number of two digits or more, or a text of two characters or more: what is shorter stands everywhere. */
const LITERAL = /"((?:[^"\\\n]|\\.){2,200})"|'((?:[^'\\\n]|\\.){2,200})'|`([^`$\n]{2,200})`|(?<![\w.])(-?\d{2,}(?:\.\d+)?|-?\d+\.\d+)(?![\w.])/g;
const COMPARES = /===?|\bcase\b|\.equals\(|\bmatch\b|\?|\bin\b|\bhas\(/;
const ANSWERS = /\breturn\b|=>|\?|:|->|\bprint|=(?!=)/;
/** How far below the comparison its answer may stand. */
const NEAR_LINES = 2;
/** The same pair in a table of many is a table, and no cheat. */
const TABLE_LINES = 8;

/**
 * Code that answers a test instead of the task: an added line that compares with what a test gives, and answers, on it or right below, with what the same test
 * expects. Both have to be on one line of the test.
 */
export async function findHardCoded(sources: readonly FileDiff[], tests: CheckInput["tests"]): Promise<Finding[]> {
  const suspects = sources
    .map((file) => ({ file, lines: codeOf(file) }))
    .filter(({ lines }) => lines.some(({ text }) => COMPARES.test(text) && literalsOf(text).length > 0));
  if (suspects.length === 0) return [];
  const pairs = (await tests()).flatMap(assertionsOf);
  if (pairs.length === 0) return [];
  return suspects.flatMap(({ file, lines }) => {
    const hits = lines.flatMap((line, index) => hitOf(line, lines.slice(index, index + 1 + NEAR_LINES), pairs));
    if (hits.length === 0 || hits.length > TABLE_LINES) return [];
    return hits.map(({ line, given, answer }) => ({
      path: file.path,
      line,
      message: `The code looks for \`${given}\` and answers \`${answer}\`, as a test has them: that is the test's answer, and not the task's.`,
    }));
  });
}

function codeOf({ path, added }: FileDiff): Line[] {
  const language = languageOf(path);
  return language
    ? added.map(({ number, text }) => ({ number, text: text.slice(0, LOOKED_AT_CHARACTERS) })).filter(({ text }) => !language.comment.test(text))
    : [];
}

/** The literals of each assertion, where it has two or more. */
function assertionsOf({ path, text: whole }: { readonly path: string; readonly text: string }): string[][] {
  const language = languageOf(path);
  if (!language) return [];
  return whole
    .split("\n")
    .filter((text) => language.assertion.test(text.slice(0, LOOKED_AT_CHARACTERS)))
    .map(literalsOf)
    .filter((literals) => literals.length >= 2);
}

function hitOf(line: Line, near: readonly Line[], assertions: readonly string[][]): Array<{ line: number; given: string; answer: string }> {
  if (!COMPARES.test(line.text)) return [];
  const given = literalsOf(line.text);
  const answers = near.filter(({ number, text }) => number <= line.number + NEAR_LINES && ANSWERS.test(text)).flatMap(({ text }) => literalsOf(text));
  for (const assertion of assertions) {
    const input = given.find((literal) => assertion.includes(literal));
    const answer = answers.find((literal) => literal !== input && assertion.includes(literal));
    if (input !== undefined && answer !== undefined) return [{ line: line.number, given: input, answer }];
  }
  return [];
}

function literalsOf(text: string): string[] {
  return Array.from(text.slice(0, LOOKED_AT_CHARACTERS).matchAll(LITERAL), (match) => match.slice(1).find((group) => group !== undefined) ?? "");
}
