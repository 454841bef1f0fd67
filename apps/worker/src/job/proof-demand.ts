import type { CheckLevel, ChecksConfig } from "@slipway/protocol/checks";
import type { JobView } from "@slipway/protocol/job";

/** What is asked of the tests of a job's change. */
export interface ProofDemand {
  readonly level: CheckLevel;
  /** Whether a change without a new or changed test is a finding of the same level; else it is only told. */
  readonly testsRequired: boolean;
}

/** The one place that says which jobs have to prove their tests, and how strictly: the repository's `checks.proof`. */
export function proofDemand(_job: Pick<JobView, "id">, checks: Pick<ChecksConfig, "proof">): ProofDemand {
  return { level: checks.proof, testsRequired: false };
}
