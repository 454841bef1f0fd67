import { z } from "zod";
import { LANDING_AUTHOR_FIELDS } from "./landing-author.ts";
import { landingModeKeys } from "./landing-modes.ts";
import { revisionsSchema } from "./revisions.ts";

/** Cars of one train that may be integrated at the same time, whatever a repository asks for. */
export const TRAIN_PARALLEL_MAX = 16;

/** Changes that one verification may test together, whatever a repository asks for. */
export const BATCH_MAX = 16;

/** How a change becomes a commit of its target. */
export const LANDING_STYLES = ["fast-forward", "rebase", "squash", "merge"] as const;
export type LandingStyle = (typeof LANDING_STYLES)[number];

/** How many changes of one target are tested ahead of each other, and what a red one gets. */
export const trainConfigSchema = z.strictObject({
  parallel: z
    .int()
    .min(1)
    .max(TRAIN_PARALLEL_MAX)
    .default(4)
    .describe("Changes of one target that are verified at the same time, each on top of those before it; 1 takes one after the other."),
  batch: z
    .int()
    .min(1)
    .max(BATCH_MAX)
    .default(1)
    .describe(
      "Changes that one verification may test together. More than 1 saves verifications and means that of a batch only the last commit's tree was tested ([landing.md](landing.md#batches)).",
    ),
  retries: z
    .int()
    .min(0)
    .max(1)
    .default(1)
    .describe("Whether a merged tree that is red is verified a second time before its change is refused. What is green then lands, marked as flaky."),
});

/** How a repository wants changes landed: the key `landing` of `.slipway.yaml`. Read from the target's own file, as the gates are. */
export const landingSchema = z.strictObject({
  ...landingModeKeys,
  style: z
    .enum(LANDING_STYLES)
    .default("fast-forward")
    .describe("What becomes of a change on its target: `fast-forward`, `rebase`, `squash` or `merge` ([landing.md](landing.md#styles))."),
  train: trainConfigSchema.prefault({}).describe("How changes that are ready at the same time are tested and landed ([landing.md](landing.md#the-train))."),
  revisions: revisionsSchema,
  ...LANDING_AUTHOR_FIELDS,
});
export type LandingConfig = z.infer<typeof landingSchema>;
