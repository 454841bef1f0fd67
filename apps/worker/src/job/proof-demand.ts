import type { CheckLevel, ChecksConfig } from "@slipway/protocol/checks";
import type { JobView } from "@slipway/protocol/job";

/** What is asked of the tests of a job's change. */
export interface ProofDemand {
  readonly level: CheckLevel;
  /** Whether a change without a new or changed test is a finding of the same level; else it is only told. */
  readonly testsRequired: boolean;
  /** Whether a change of tests alone is such a finding; else it is only told. */
  readonly moreThanTests: boolean;
}

/**
 * The one place that says which jobs have to prove their tests, and how strictly. Where tests are the work itself, whatever the repository's `checks.proof`
 * says; there a change of tests alone, for code that works, is what may have been asked for.
 */
export function proofDemand({ taskKind }: Pick<JobView, "taskKind">, checks: Pick<ChecksConfig, "proof">): ProofDemand {
  const isOfTests = taskKind === "test" || taskKind === "fix";
  return { level: isOfTests ? "error" : checks.proof, testsRequired: false, moreThanTests: !isOfTests };
}
