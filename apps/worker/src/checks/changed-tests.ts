import type { FileDiff } from "@slipway/git/diff";
import { languageOf, testCases } from "./test-cases.ts";

/** A test that a change adds, or changes in what it does. */
export interface ChangedTest {
  readonly path: string;
  readonly name: string;
  readonly line: number;
}

/** The new and changed tests of some files, as far as they can be told without running them. */
export function changedTests(files: readonly FileDiff[]): ChangedTest[] {
  return files.flatMap(({ path, before, after }) => {
    const language = languageOf(path);
    if (!language || after === undefined) return [];
    const known = new Map(testCases(before ?? "", language).map(({ name, body }) => [name, body]));
    return testCases(after, language).flatMap(({ name, line, body }) => (known.get(name) === body ? [] : [{ path, name, line }]));
  });
}

/** Whether a runner's name of a test is that of a test in a file: runners put the names of suites, classes and modules before it. */
export function isNamed(whole: string, name: string): boolean {
  return whole === name || (whole.endsWith(name) && /(?: › | > |::|[./ ])$/.test(whole.slice(0, -name.length)));
}
