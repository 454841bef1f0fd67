import { nameSchema } from "@slipway/protocol/scalars";
import { z } from "zod";

/** `backendConfig` of openhands. What reaches the way to the model, the token or the sandbox is not for a job to set. */
export const openhandsConfigSchema = z.strictObject({
  model: z.string().min(1).max(200).default("gpt-5.5").describe("Model that is asked for, by the vendor's name for it. It must take tools."),
  provider: nameSchema.default("openai").describe("Provider of the gateway that has the model. It must speak OpenAI Chat Completions."),
  stepLimit: z.int().min(1).max(10_000).default(500).describe("How many steps a turn may take; each asks the model once."),
  requestTimeoutSeconds: z
    .int()
    .min(1)
    .max(7_200)
    .default(600)
    .describe("How long one answer of the model may take before it is asked for again. The gateway has limits of its own."),
  python: z
    .string()
    .min(1)
    .max(4_096)
    .optional()
    .describe("Python that has openhands-sdk: a path, or a name on PATH. Where it is missing: `openhands-python`, else `python3`."),
});
export type OpenhandsConfig = z.output<typeof openhandsConfigSchema>;
