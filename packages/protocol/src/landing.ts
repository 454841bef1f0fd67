import { z } from "zod";
import { revisionsSchema } from "./revisions.ts";

/** How a repository wants changes landed: the key `landing` of `.slipway.yaml`. Read from the target's own file, as the gates are. */
export const landingSchema = z.strictObject({ revisions: revisionsSchema });
export type LandingConfig = z.infer<typeof landingSchema>;
