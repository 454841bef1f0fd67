import { nameSchema } from "@slipway/protocol/scalars";
import { z } from "zod";

/** `backendConfig` of codex. What reaches the way to the model, the token or the sandbox is not for a job to set. */
export const codexConfigSchema = z.strictObject({
  model: z
    .string()
    .min(1)
    .max(200)
    .default("gpt-6.1-sol")
    .describe("Model that Codex asks for; `codex debug models` lists those it knows. Others work too, with Codex's general instructions."),
  provider: nameSchema.default("openai").describe("Provider of the gateway that has the model. It must speak OpenAI Responses."),
  reasoningEffort: z
    .enum(["minimal", "low", "medium", "high", "xhigh", "max", "ultra"])
    .optional()
    .describe("How hard the model thinks; what Codex has for the model where it is missing. Not every model takes every value."),
  webSearch: z
    .enum(["disabled", "cached", "live"])
    .default("disabled")
    .describe("The vendor's own web search. The gateway takes it out of requests unless its provider allows the hosted tool web_search."),
  ownSandbox: z
    .enum(["off", "read-only", "workspace-write"])
    .default("off")
    .describe("Codex's sandbox, inside the one of the job. With workspace-write its commands have no network and cannot write to .git."),
  silenceTimeoutSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(240)
    .describe("How long an answer of the model may be silent before Codex asks again. The gateway has a limit of its own."),
  command: z.string().min(1).max(4_096).default("codex").describe("The program: a path, or a name that is looked for on PATH."),
});
export type CodexConfig = z.output<typeof codexConfigSchema>;
