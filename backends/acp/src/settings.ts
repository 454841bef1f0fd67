import { nameSchema } from "@slipway/protocol/scalars";
import { z } from "zod";

/** Settings of `backendConfig` that every agent over ACP has. What reaches the way to the model or the token is not for a job to set. */
export const commonSettings = {
  permissions: z
    .enum(["allow", "edits", "deny"])
    .default("allow")
    .describe("What the agent is told when it asks for leave. edits: it may read and change files, and run nothing. The sandbox confines it in any case."),
  maxSteps: z
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe("Most calls of the model in one turn. A turn that needs more fails; calls for titles and the like do not count."),
  silenceTimeoutSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(240)
    .describe("How long an answer of the model may be silent before its call counts as failed. The gateway has a limit of its own."),
} as const;
export type CommonSettings = z.output<z.ZodObject<typeof commonSettings>>;

/** Settings of an agent that is shipped as a profile: model, provider and program, beside those that all have. */
export function profileSettings(defaults: { readonly model: string; readonly provider: string; readonly protocol: string; readonly command: string }) {
  return {
    model: z.string().min(1).max(200).default(defaults.model).describe("Model that the agent asks for."),
    provider: nameSchema.default(defaults.provider).describe(`Provider of the gateway that has the model. It must speak ${defaults.protocol}.`),
    ...commonSettings,
    command: z.string().min(1).max(4_096).default(defaults.command).describe("The program: a path, or a name that is looked for on PATH."),
  } as const;
}
export type ProfileSettings = z.output<z.ZodObject<ReturnType<typeof profileSettings>>>;
