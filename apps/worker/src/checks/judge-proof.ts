import type { RunSummary } from "../gate-output/run-summary.ts";
import { type ChangedTest, isNamed } from "./changed-tests.ts";
import { type Finding, shownPath } from "./finding.ts";

/** How a gate ended on the base with the changed tests over it. */
export interface ProofRun {
  readonly gate: string;
  /** `unrun`: a gate that it needs was red there. */
  readonly outcome: "passed" | "failed" | "timed-out" | "unrun";
  readonly tests: RunSummary | undefined;
}

interface Proof {
  readonly runs: readonly ProofRun[];
  /** The changed files with tests, from the root of the repository. */
  readonly paths: readonly string[];
  readonly changed: readonly ChangedTest[];
}

const SHOWN_PATHS = 20;

/**
 * What the runs say of the changed tests: they must fail on the base, else they show nothing. One gate that fails by them is enough, as tests of other parts
 * have gates of their own. A test that passes there beside others that fail is only told.
 */
export function judgeProof({ runs, paths, changed }: Proof): Finding[] {
  const red = runs.filter(({ outcome }) => outcome !== "passed");
  if (red.length === 0) {
    const gates = `${runs.length === 1 ? "the gate" : "the gates"} ${runs.map(({ gate }) => gate).join(", ")}`;
    return paths.slice(0, SHOWN_PATHS).map((path) => ({
      path,
      message: `Its tests pass on the base too (${gates}): they would not have told that anything was missing. Have them fail without the change.`,
    }));
  }
  const strangers = red.flatMap((run) => (isByOthers(run, paths, changed) ? [run] : []));
  if (strangers.length === red.length) {
    return strangers.map(({ gate, tests }) => ({
      message: `On the base with the changed tests the gate ${gate} fails, but by none of them: by "${tests?.failures[0]?.name.slice(0, 100)}". The tests in ${paths.slice(0, 5).map(shownPath).join(", ")} pass there.`,
    }));
  }
  return [...red.flatMap(endedOtherwise), ...passedThere(runs, changed)];
}

/** Whether all tests that failed are known, and none of them is one of the change's. */
function isByOthers({ outcome, tests }: ProofRun, paths: readonly string[], changed: readonly ChangedTest[]): boolean {
  if (outcome !== "failed" || !tests || tests.failures.length === 0 || tests.failures.length < tests.failed) return false;
  return tests.failures.every(({ name, file }) => {
    if (changed.some((test) => isNamed(name, test.name))) return false;
    // Without a file it may be one of them under another name.
    if (file === undefined) return false;
    return !paths.some((path) => path === file || path.endsWith(`/${file}`) || file.endsWith(`/${path}`));
  });
}

function endedOtherwise({ gate, outcome }: ProofRun): Finding[] {
  if (outcome === "timed-out") return [{ level: "warning", message: `On the base with the changed tests the gate ${gate} did not end in its time.` }];
  if (outcome === "unrun") return [{ level: "warning", message: `On the base with the changed tests the gate ${gate} was not run: one that it needs is red.` }];
  return [];
}

function passedThere(runs: readonly ProofRun[], changed: readonly ChangedTest[]): Finding[] {
  const passed = runs.flatMap(({ tests }) => tests?.passedNames ?? []);
  const failed = runs.flatMap(({ tests }) => tests?.failures.map(({ name }) => name) ?? []);
  return changed
    .filter(({ name }) => passed.some((whole) => isNamed(whole, name)) && !failed.some((whole) => isNamed(whole, name)))
    .map(({ path, line, name }) => ({ path, line, level: "warning", message: `The test "${name.slice(0, 100)}" passes on the base too.` }));
}
