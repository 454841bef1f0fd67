import { nameSchema } from "@slipway/protocol/scalars";
import { z } from "zod";

/** `backendConfig` of miniswe. What reaches the way to the model, the token or the sandbox is not for a job to set. */
export const minisweConfigSchema = z.strictObject({
  model: z.string().min(1).max(200).default("gpt-5.5").describe("Model that is asked for, by the vendor's name for it. It must take tools."),
  provider: nameSchema.default("openai").describe("Provider of the gateway that has the model. It must speak OpenAI Chat Completions."),
  stepLimit: z.int().min(0).max(10_000).default(250).describe("How many times a turn may ask the model; 0: as often as its time and budget allow."),
  commandTimeoutSeconds: z.int().min(1).max(86_400).default(300).describe("How long one command may run before it is ended, and the model told."),
  silenceTimeoutSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(240)
    .describe("How long an answer of the model may be silent before it is asked for again, once. The gateway has a limit of its own."),
  python: z
    .string()
    .min(1)
    .max(4_096)
    .optional()
    .describe("Python that has mini-swe-agent: a path, or a name on PATH. Where it is missing: `miniswe-python`, else `python3`."),
});
export type MinisweConfig = z.output<typeof minisweConfigSchema>;
