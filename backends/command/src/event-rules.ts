import { z } from "zod";
import { pointerSchema } from "./pointer.ts";

const when = z
  .record(pointerSchema, z.union([z.string(), z.number(), z.boolean(), z.null()]))
  .default({})
  .describe("JSON pointers, each with the value that must be there; a line that fits no rule is left out.");

const tokens = pointerSchema.optional();

/** What a line of JSON means: every rule whose `when` fits it tells one event. The other keys are JSON pointers into the line. */
export const eventRuleSchema = z.discriminatedUnion("as", [
  z.strictObject({ as: z.literal("message"), when, text: pointerSchema, role: z.enum(["agent", "reasoning"]).default("agent") }),
  z.strictObject({ as: z.literal("tool-call"), when, id: pointerSchema, name: pointerSchema, input: pointerSchema.optional() }),
  z.strictObject({
    ...{ as: z.literal("tool-result"), when, id: pointerSchema, output: pointerSchema.optional() },
    isError: pointerSchema.optional().describe("Leads to what is true, or not 0, where the tool failed."),
  }),
  z.strictObject({
    ...{ as: z.literal("usage"), when, inputTokens: tokens, cachedInputTokens: tokens, outputTokens: tokens, reasoningTokens: tokens },
    costUsd: tokens,
  }),
  z.strictObject({ as: z.literal("session"), when, id: pointerSchema }),
  z.strictObject({
    as: z.literal("final"),
    when,
    text: pointerSchema.optional().describe("The last words; the newest message of the agent where it is missing."),
  }),
  z.strictObject({ as: z.literal("error"), when, message: pointerSchema }),
]);
export type EventRule = z.output<typeof eventRuleSchema>;
