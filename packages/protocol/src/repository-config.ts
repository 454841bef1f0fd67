import { z } from "zod";
import { budgetSchema } from "./budget.ts";
import { egressSchema } from "./egress.ts";
import { nameSchema } from "./scalars.ts";

/** `.slipway.yaml`: what a repository says of itself. Always read at the base commit, never from the agent's version. */

const secondsSchema = z.number().positive().max(86_400);

/** A command that must pass. Quick and advisory in the agent's workspace, binding on the merged tree. */
export const gateSchema = z.strictObject({
  name: nameSchema.describe("Name of the gate, as shown in the history."),
  run: z.string().min(1).describe("Shell command, run with `sh -c` in the root of the workspace; exit code 0 passes."),
  timeoutSeconds: secondsSchema.default(300).describe("The gate fails after this many seconds."),
});
export type Gate = z.infer<typeof gateSchema>;

/** What makes a fresh workspace ready, before the first turn and before the gates of a verify job; `timeoutSeconds` is for all commands together. */
export const setupSchema = z.strictObject({
  commands: z.array(z.string().min(1)).default([]).describe("Shell commands that make the workspace ready, such as `npm ci`."),
  network: z.enum(["none", "host"]).default("host").describe("Network of the setup sandbox; it never holds secrets."),
  timeoutSeconds: secondsSchema.default(600).describe("The setup fails after this many seconds, all commands together."),
});

/** The paths that a job may change, as globs; what lies outside is a SCOPE_VIOLATION. */
export const scopeSchema = z.strictObject({
  allow: z.array(z.string().min(1)).default(["**"]).describe("Globs of paths that a job may change."),
  deny: z.array(z.string().min(1)).default([]).describe("Globs of paths that a job may not change; they win over `allow`."),
});

/** The whole file; an empty one is a repository without setup and gates, in which every path may be changed. */
export const repositoryConfigSchema = z.strictObject({
  version: z.literal(1).default(1).describe("Version of this form."),
  backend: nameSchema.optional().describe("Backend for jobs that name none."),
  timeoutSeconds: secondsSchema
    .min(1)
    .optional()
    .describe("For one attempt of jobs that name no time, all of it; the installation's default where it is missing."),
  budget: budgetSchema.optional().describe("What a job may spend on models; each limit holds where the job does not set the same one."),
  setup: setupSchema.default({ commands: [], network: "host", timeoutSeconds: 600 }).describe("What makes a workspace ready, before the agent's first turn."),
  egress: egressSchema
    .default({ turn: [], gates: [] })
    .describe("Hosts that code in a sandbox may reach, over https and through a proxy that refuses all else ([sandbox.md](sandbox.md#egress))."),
  gates: z
    .array(gateSchema)
    .default([])
    .refine((gates) => new Set(gates.map((gate) => gate.name)).size === gates.length, "gate names must differ")
    .describe("What must pass, in this order: on the agent's change, and again on exactly the tree that lands."),
  repairs: z.int().min(0).max(10).default(3).describe("How many further turns the agent gets to repair failing gates."),
  scope: scopeSchema.default({ allow: ["**"], deny: [] }).describe("The paths that a job may change; a change elsewhere is refused."),
});
export type RepositoryConfig = z.infer<typeof repositoryConfigSchema>;

/** Name of the file in the root of a repository. */
export const REPOSITORY_CONFIG_FILE = ".slipway.yaml";
