import { RUNNER_LABEL } from "@slipway/process/runner-digest";

/** What Slipway's images say of themselves; whoever runs one reads it there, and never believes a tag. */
export const IMAGE_LABELS = {
  /** Which of the images: `base`, `all`, `stack`, or a backend's name. */
  image: "dev.slipway.image",
  /** `runnerDigest` of the checkout that it was made from. */
  runner: RUNNER_LABEL,
  /** Version of Slipway. */
  version: "dev.slipway.version",
} as const;

/** A container that was started to try an image, and that goes with the trial. */
export const TRIAL_LABEL = "dev.slipway.trial";
