import { z } from "zod";

/**
 * What becomes of a change that passed everything. `train`: it lands on its target in the hub. `pr`: its branch is pushed to the repository's address and one
 * pull request is opened for it. `branch`: its branch is pushed, and that is all. `none`: its commit stays on the hub, and nobody merges or verifies it.
 */
export const LANDING_MODES = ["train", "pr", "branch", "none"] as const;
/** One of them. */
export type LandingMode = (typeof LANDING_MODES)[number];

/** What may stand in the template of a branch's name, in braces. */
export const BRANCH_VARIABLES = ["job", "slug", "backend", "date", "timestamp", "ticket", "original_ticket", "clanker"] as const;
/** One of them. */
export type BranchVariable = (typeof BRANCH_VARIABLES)[number];

/** What may stand in the template of a pull request's title, in braces. */
export const TITLE_VARIABLES = ["title", "job", "ticket", "backend"] as const;

const named = /\{([^{}]*)\}/g;

/** The first thing in braces of a template that is no variable; undefined where there is none. */
function unknownIn(template: string, known: readonly string[]): string | undefined {
  return [...template.matchAll(named)].map(([, name = ""]) => name).find((name) => !known.includes(name));
}

function templateSchema(known: readonly string[]): z.ZodString {
  return z
    .string()
    .min(1)
    .max(200)
    .refine((text) => unknownIn(text, known) === undefined, {
      error: ({ input }) => `expected no other variables than ${known.map((name) => `{${name}}`).join(", ")}, got {${unknownIn(String(input), known)}}`,
    });
}

/** How pull requests of a repository are made and what follows them. */
export const pullRequestSettingsSchema = z.strictObject({
  title: templateSchema(TITLE_VARIABLES).default("{title}").describe("Title of the pull request; may hold {title}, {job}, {ticket} and {backend}."),
  draft: z
    .enum(["never", "until-green", "always"])
    .default("never")
    .describe("Whether it is opened as a draft. `until-green`: until the git host's own checks pass. The repository's gates have passed before it is opened."),
  labels: z.array(z.string().trim().min(1).max(50)).max(20).default([]).describe("Labels that it gets."),
  reviewers: z
    .array(z.string().regex(/^[\w.-]{1,100}$/, "expected an account's name"))
    .max(15)
    .default([])
    .describe("Accounts that are asked for a review."),
  scorecard: z.boolean().default(true).describe("Whether the job's scorecard is kept as one comment on it."),
  revisions: z
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe("How often a review that asks for changes, or a failing check of the git host, may start a job that revises the branch; 0: never."),
  merge: z
    .enum(["never", "when-green"])
    .default("never")
    .describe("Whether the server merges it, when all checks of the git host pass and nothing hinders it."),
  mergeMethod: z.enum(["merge", "squash", "rebase"]).default("merge").describe("How it merges."),
});
/** How pull requests of a repository are made and what follows them. */
export type PullRequestSettings = z.output<typeof pullRequestSettingsSchema>;

/** Keys of `landing` in `.slipway.yaml` that say where a change goes. */
export const landingModeKeys = {
  mode: z.enum(LANDING_MODES).default("train").describe("What becomes of a change, for jobs that do not say it ([landing.md](landing.md#modes))."),
  branch: templateSchema(BRANCH_VARIABLES)
    .default("slipway/{job}-{slug}")
    .describe("Name of the branch that `pr` and `branch` push ([landing.md](landing.md#branch-names))."),
  pullRequest: pullRequestSettingsSchema.prefault({}).describe("Pull requests of `pr` ([pull-requests.md](guides/pull-requests.md))."),
};

/** What a job is about in somebody's tracker, such as `ABC-123`. */
export const ticketSchema = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^\x00-\x1f\x7f]+$/, "expected one line");

/** `pushing`: its branch is on its way. `opening`: the branch is there, its pull request is on its way. `blocked`: a person has to act. */
export const DELIVERY_STATES = ["pushing", "opening", "delivered", "blocked", "withdrawn"] as const;

/** A pull request, or a merge request of GitLab, as far as it is known. */
export const pullRequestSchema = z.object({
  number: z.int().positive(),
  url: z.string(),
  state: z.enum(["open", "draft", "merged", "closed"]),
  /** Jobs that revise its branch, so far. */
  revisions: z.int().nonnegative(),
});
/** A pull request, or a merge request of GitLab, as far as it is known. */
export type PullRequestView = z.infer<typeof pullRequestSchema>;

/** What a job of mode `pr` or `branch` has outside of the hub. */
export const deliverySchema = z.object({
  mode: z.enum(["pr", "branch"]),
  state: z.enum(DELIVERY_STATES),
  branch: z.string(),
  /** The commit that is pushed, whose tree was verified. */
  oid: z.string(),
  /** Number of the job that the branch was made for; another one's where this job revises it. */
  ofJob: z.int().positive(),
  pullRequest: pullRequestSchema.nullable(),
});
/** What a job of mode `pr` or `branch` has outside of the hub. */
export type Delivery = z.infer<typeof deliverySchema>;
