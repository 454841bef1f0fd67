import { nameSchema } from "@slipway/protocol/scalars";
import { z } from "zod";

/** `backendConfig` of claude-code. What reaches the way to the model, the token or the sandbox is not for a job to set. */
export const claudeConfigSchema = z.strictObject({
  model: z
    .string()
    .min(1)
    .max(200)
    .regex(/^[^-]/, "expected the name of a model")
    .default("claude-opus-5-5")
    .describe("Model that Claude Code asks for, by its full name or an alias such as `sonnet`."),
  provider: nameSchema.default("anthropic").describe("Provider of the gateway that has the model. It must speak Anthropic's Messages."),
  effort: z
    .enum(["low", "medium", "high", "xhigh", "max"])
    .optional()
    .describe("How hard the model thinks; what Claude Code has for the model where it is missing."),
  maxTurns: z
    .int()
    .min(1)
    .max(10_000)
    .default(500)
    .describe("How often the model may answer in one turn of the job; then the turn fails with AGENT_STEP_LIMIT."),
  webSearch: z
    .boolean()
    .default(false)
    .describe("The vendor's own web search. The gateway takes it out of requests unless its provider allows the hosted tool web_search."),
  silenceTimeoutSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(240)
    .describe("How long the model may be silent before the turn fails with MODEL_TIMEOUT. The gateway has a limit of its own."),
  command: z.string().min(1).max(4_096).default("claude").describe("The program: a path, or a name that is looked for on PATH."),
});
export type ClaudeConfig = z.output<typeof claudeConfigSchema>;
