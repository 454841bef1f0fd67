import { z } from "zod";
import { LANDING_AUTHOR_FIELDS } from "./landing-author.ts";

/** How a repository wants changes landed: the key `landing` of `.slipway.yaml`. Read from the target's own file, as the gates are. */
export const landingSchema = z.strictObject({ ...LANDING_AUTHOR_FIELDS });
export type LandingConfig = z.infer<typeof landingSchema>;
