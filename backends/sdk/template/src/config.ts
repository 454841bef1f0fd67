import { z } from "zod";

/** `backendConfig`: what a user may set. Every key has a default and says what it is for; `slipway run --backend-config KEY=VALUE` sets one. */
export const configSchema = z.strictObject({
  command: z
    .string()
    .min(1)
    .max(4_096)
    .optional()
    .describe("The agent's program: a path, or a name on PATH. The tiny agent of this package where it is missing."),
});
export type Config = z.output<typeof configSchema>;
