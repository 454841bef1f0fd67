import { z } from "zod";

/** How a repository wants changes landed: the key `landing` of `.slipway.yaml`. Read from the target's own file, as the gates are. */
export const landingSchema = z.strictObject({});
export type LandingConfig = z.infer<typeof landingSchema>;
