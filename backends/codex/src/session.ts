import { SessionFile } from "@slipway/backend-sdk/session-file";
import { z } from "zod";

/** Totals of a thread as Codex counts them: all its turns together. */
export const threadUsageSchema = z.object({
  input_tokens: z.int().nonnegative().default(0),
  cached_input_tokens: z.int().nonnegative().default(0),
  output_tokens: z.int().nonnegative().default(0),
  reasoning_output_tokens: z.int().nonnegative().default(0),
});
export type ThreadUsage = z.output<typeof threadUsageSchema>;

export const NO_USAGE: ThreadUsage = threadUsageSchema.parse({});

/** A UUID, so that what stands in an agent's file is never an option of the command line. */
const threadIdSchema = z.uuid();

const sessionSchema = z.object({ threadId: threadIdSchema, usage: threadUsageSchema });
/** The conversation that later turns go on with. */
export type Session = z.output<typeof sessionSchema>;

/** Where the conversation stands that later turns go on with. */
export const sessionFile = new SessionFile("codex", sessionSchema);
