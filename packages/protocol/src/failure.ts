import { z } from "zod";
import { ERROR_CODES } from "./errors.ts";

/** Why something did not succeed; `details` is plain JSON for people and tools. */
export const failureSchema = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string().max(20_000),
  details: z.record(z.string(), z.unknown()).default({}),
});
export type Failure = z.infer<typeof failureSchema>;
