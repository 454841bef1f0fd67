import type { FileDiff } from "@slipway/git/diff";
import type { JobView } from "@slipway/protocol/job";
import { pathMatcher } from "../job/path-globs.ts";
import { documentFindings } from "./document.ts";
import { shownPath } from "./finding.ts";

/** What the checks of a kind look at. */
export interface KindInput {
  readonly job: Pick<JobView, "taskKind" | "taskSpec">;
  readonly files: readonly FileDiff[];
  readonly testPaths: readonly string[];
  /** That the document of the job must have. */
  readonly headings: readonly string[];
  /** The tests of the changed tree; read when it is called. */
  tests(): Promise<ReadonlyArray<{ readonly path: string; readonly text: string }>>;
  /** All paths of the changed tree; read when it is called. */
  paths(): Promise<readonly string[]>;
}

/** What one of them said, as the other checks say it. */
export interface KindResult {
  readonly name: "kind" | "document" | "failing-test";
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** The checks that only jobs of a kind have; they have no level, as the kind itself is what was asked for. */
export async function checkKind(input: KindInput): Promise<KindResult[]> {
  const { taskKind, taskSpec } = input.job;
  switch (taskKind) {
    case "test":
      return [onlyPaths(input, pathMatcher(input.testPaths), "A job of the kind test changes tests alone")];
    case "research":
    case "plan":
      return [onlyPaths(input, (path) => path === taskSpec.document, `A job of the kind ${taskKind} changes its document alone`), await judgeDocument(input)];
    case "fix":
      return taskSpec.failingTest === undefined ? [] : [await judgeFailingTest(input, taskSpec.failingTest)];
    case "develop":
    case "review":
      return [];
  }
}

function onlyPaths({ job, files }: KindInput, isOwn: (path: string) => boolean, why: string): KindResult {
  const isAllowed = pathMatcher(job.taskSpec.allowPaths ?? []);
  const strays = files.filter(({ path }) => !isOwn(path) && !isAllowed(path));
  return { name: "kind", errors: strays.map(({ path }) => `${shownPath(path)}: ${why}.`), warnings: [] };
}

async function judgeDocument({ job, files, headings, paths }: KindInput): Promise<KindResult> {
  const path = job.taskSpec.document ?? "";
  const file = files.find((each) => each.path === path);
  const result = (errors: readonly string[]): KindResult => ({ name: "document", errors, warnings: [] });
  if (!file) return result([`${shownPath(path)}: The document that the job is to write is not in the change.`]);
  if (file.status === "deleted") return result([`${shownPath(path)}: The document is deleted.`]);
  if (file.mode !== "100644" && file.mode !== "100755") return result([`${shownPath(path)}: The document is no file.`]);
  if (file.sizeBytes === 0) return result([`${shownPath(path)}: The document is empty.`]);
  if (file.isBinary || file.after === undefined) return result([`${shownPath(path)}: The document is no text that can be read.`]);
  return result(documentFindings({ path, text: file.after }, headings, await paths()));
}

/** The test that was to pass has to be there still: under another name nobody could tell that it does. */
async function judgeFailingTest({ files, tests }: KindInput, failingTest: string): Promise<KindResult> {
  const names = namesOf(failingTest);
  const has = (text: string | undefined): boolean => text !== undefined && names.some((name) => text.includes(name));
  const isThere = (await tests()).some(({ text }) => has(text)) || files.some(({ after }) => has(after));
  if (isThere) return { name: "failing-test", errors: [], warnings: [] };
  const lost = files.find(({ before }) => has(before));
  const message = lost
    ? `${shownPath(lost.path)}: The failing test "${failingTest}" is gone from the file.`
    : `No test file names "${failingTest}", so only the gates tell whether it passes.`;
  return { name: "failing-test", errors: lost ? [message] : [], warnings: lost ? [] : [message] };
}

/** As it may stand in the code: runners print a test's suites before its name, and its parameters behind. */
function namesOf(test: string): string[] {
  const last = test.split(/\s*(?:>|›|»|::)\s*/).at(-1) ?? test;
  const names = [test, last, last.replace(/\[.*\]$/, ""), last.split("/")[0] ?? ""];
  return [...new Set(names.map((name) => name.trim()).filter((name) => name.length > 2))];
}
