import type { Failure } from "@slipway/protocol/failure";
import type { Delivery, PullRequestSettings } from "@slipway/protocol/landing-modes";

/** The pull request as it is to be, and what follows it; settled when the intent is written, from the target's own file. */
export interface DeliveryPlan {
  /** The branch that the pull request is for. */
  readonly base: string;
  readonly title: string;
  readonly settings: PullRequestSettings;
}

/** What is to be pushed for a completion. */
export interface DeliveryIntent {
  readonly mode: "pr" | "branch";
  /** The job whose branch this one revises; null where it gets one of its own. */
  readonly revises: string | null;
  /** Name of the branch, where the job has none yet: the first of `branch`, `branch-2`, `branch-3` … that no other job has. */
  readonly branch: string;
  readonly oid: string;
  readonly mergedOid: string;
  /** The commit that it was merged onto. */
  readonly ontoOid: string;
  readonly tree: string;
  readonly plan: DeliveryPlan;
}

/** A delivery as the server carries it out. */
export interface DeliveryRow {
  readonly jobId: string;
  readonly number: number;
  /** The job that the branch was made for. */
  readonly ofJobId: string;
  readonly ofNumber: number;
  readonly repoId: string;
  readonly mode: Delivery["mode"];
  readonly state: Delivery["state"];
  readonly round: number;
  readonly branch: string;
  readonly oid: string;
  /** Commits that may stand on the branch because this job, or another one of the branch, pushed them. */
  readonly tried: readonly string[];
  readonly plan: DeliveryPlan;
  /** When the intent was written, in ms since 1970. */
  readonly since: number;
  /** What its newest try ended with; null where it had none, or went well. */
  readonly problem: Failure | null;
  readonly pullRequest: { readonly number: number; readonly url: string } | null;
}

/** A pull request that is to be looked at. */
export interface WatchedPullRequest {
  /** Id and number of the job that its branch was made for. */
  readonly jobId: string;
  readonly job: number;
  readonly repoId: string;
  readonly number: number;
  readonly url: string;
  readonly state: "open" | "draft" | "merged" | "closed";
  readonly branch: string;
  readonly headOid: string;
  readonly etag: string | null;
  readonly seen: readonly string[];
  readonly revisions: number;
  readonly openedAt: number;
  readonly plan: DeliveryPlan;
  /** Whether a job that revises it is at work, or its newest delivery is. */
  readonly isBusy: boolean;
}

/** What was found of a pull request. */
export interface PullRequestFound {
  readonly number: number;
  readonly url: string;
  readonly state: WatchedPullRequest["state"];
  readonly headOid: string;
  readonly etag: string | null;
  /** When to look again, in ms from now; null: never. */
  readonly lookInMs: number | null;
}
