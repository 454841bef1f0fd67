import { z } from "zod";
import { landingModeKeys } from "./landing-modes.ts";

/** How a repository wants changes landed: the key `landing` of `.slipway.yaml`. Read from the target's own file, as the gates are. */
export const landingSchema = z.strictObject({ ...landingModeKeys });
export type LandingConfig = z.infer<typeof landingSchema>;
