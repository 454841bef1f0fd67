import { z } from "zod";
import { BASELINE_POLICIES } from "./baseline.ts";
import { budgetSchema } from "./budget.ts";
import { checksSchema } from "./checks.ts";
import { criticSchema } from "./critic.ts";
import { egressSchema } from "./egress.ts";
import { gatesSchema } from "./gates.ts";
import { landingSchema } from "./landing.ts";
import { promptsSchema } from "./prompts.ts";
import { fallbacksSchema, needsSchema } from "./routing.ts";
import { nameSchema } from "./scalars.ts";
import { documentsSchema } from "./task-kinds.ts";
import { repositoryMcpServersSchema } from "./turn-settings.ts";

/** `.slipway.yaml`: what a repository says of itself. Always read at the base commit, never from the agent's version. */

const secondsSchema = z.number().positive().max(86_400);

/** A path below the root of the repository, or a glob of such paths. */
const insidePathSchema = z
  .string()
  .min(1)
  .max(500)
  .refine((path) => !/[\0\n]/.test(path) && path.split("/").every((name) => name !== "" && name !== "." && name !== "..") && !/^\.git(\/|$)/.test(path), {
    error: "expected a path or glob below the root of the repository, such as node_modules or packages/*/node_modules, without `./`, `..` or a slash at an end",
  });

/** What makes a fresh workspace ready, before the first turn and before the gates of a verify job; `timeoutSeconds` is for all commands together. */
export const setupSchema = z
  .strictObject({
    commands: z.array(z.string().min(1)).default([]).describe("Shell commands that make the workspace ready, such as `npm ci`."),
    inputs: z
      .array(insidePathSchema)
      .min(1)
      .max(100)
      .optional()
      .describe(
        "All files that the setup reads, as globs, such as `package-lock.json`; goes with `outputs`. While these stay the same, jobs share what the setup made. Where it is missing, that is shared by jobs on the very same files only.",
      ),
    outputs: z
      .array(insidePathSchema)
      .max(100)
      .default([])
      .describe(
        "Paths that the setup makes and git ignores, as globs, such as `node_modules`. They are kept for later jobs, which then run no setup; nothing else that the setup leaves is kept ([workspaces.md](workspaces.md#setup-layers)).",
      ),
    network: z.enum(["none", "host"]).default("host").describe("Network of the setup sandbox; it never holds secrets."),
    timeoutSeconds: secondsSchema.default(600).describe("The setup fails after this many seconds, all commands together."),
  })
  .refine(({ inputs, outputs }) => inputs === undefined || outputs.length > 0, {
    path: ["inputs"],
    error: "expected `outputs` beside `inputs`: without paths to keep there is nothing to share",
  });

/** The paths that a job may change, as globs; what lies outside is a SCOPE_VIOLATION. */
export const scopeSchema = z.strictObject({
  allow: z.array(z.string().min(1)).default(["**"]).describe("Globs of paths that a job may change."),
  deny: z.array(z.string().min(1)).default([]).describe("Globs of paths that a job may not change; they win over `allow`."),
});

/** The whole file; an empty one is a repository without setup and gates, in which every path may be changed. */
export const repositoryConfigSchema = z
  .strictObject({
    version: z.literal(1).default(1).describe("Version of this form."),
    backend: nameSchema.optional().describe("Backend for jobs that name none; `auto` lets the server choose ([routing.md](routing.md))."),
    needs: needsSchema.optional().describe("Capabilities that a backend must have, for jobs that name none."),
    fallbacks: fallbacksSchema
      .optional()
      .describe("Backends that take a job over, in this order, where the one before cannot go on; for jobs that name none ([routing.md](routing.md))."),
    timeoutSeconds: secondsSchema
      .min(1)
      .optional()
      .describe("For one attempt of jobs that name no time, all of it; the installation's default where it is missing."),
    stallSeconds: secondsSchema
      .min(0.1)
      .optional()
      .describe(
        "An agent that says nothing and uses no processor for this long is stalled ([kinds.md](kinds.md#an-agent-that-stalls)); for jobs that name no time.",
      ),
    budget: budgetSchema.optional().describe("What a job may spend on models; each limit holds where the job does not set the same one."),
    setup: setupSchema
      .default({ commands: [], outputs: [], network: "host", timeoutSeconds: 600 })
      .describe("What makes a workspace ready, before the agent's first turn."),
    egress: egressSchema
      .default({ turn: [], gates: [] })
      .describe("Hosts that code in a sandbox may reach, over https and through a proxy that refuses all else ([sandbox.md](sandbox.md#egress))."),
    gates: gatesSchema
      .default([])
      .describe("What must pass, in this order but for what each needs: on the agent's change, and again on exactly the tree that lands."),
    baseline: z
      .enum(BASELINE_POLICIES)
      .default("require")
      .describe(
        "What becomes of a gate that is red on the target too, with the same failure: `require` lands nothing until it is green, `tolerate` lets the change land and marks it ([gates](guides/gates.md#baseline)).",
      ),
    repairs: z.int().min(0).max(10).default(3).describe("How many further turns the agent gets to repair failing gates."),
    prompts: promptsSchema
      .default({})
      .describe("What the agent is asked, around the task and around what the gates said ([prompts.md](prompts.md#a-repositorys-own))."),
    mcpServers: repositoryMcpServersSchema
      .default({})
      .describe("MCP servers of every job's agent, where its backend starts any, by name; a job's own of the same name wins. They name no secrets."),
    documents: documentsSchema.prefault({}).describe("Where the documents of `research` and `plan` jobs go ([kinds.md](kinds.md#research-and-plan))."),
    checks: checksSchema.prefault({}).describe("What is looked for in every change, each with its level ([checks.md](checks.md))."),
    critic: criticSchema
      .optional()
      .describe("Who reads every change that has passed gates and checks, and may send it back; nobody where it is missing ([critic.md](critic.md))."),
    landing: landingSchema.prefault({}).describe("How a change that passed everything lands ([landing.md](landing.md))."),
    scope: scopeSchema.default({ allow: ["**"], deny: [] }).describe("The paths that a job may change; a change elsewhere is refused."),
  })
  .superRefine(({ gates, checks }, context) => {
    const names = gates.map(({ name }) => name);
    for (const [index, name] of checks.proofGates.entries()) {
      if (names.includes(name)) continue;
      const expected = names.length === 0 ? "expected no gate, as the repository has none" : `expected the name of a gate: ${names.join(", ")}`;
      context.addIssue({ code: "custom", path: ["checks", "proofGates", index], message: expected });
    }
  });
export type RepositoryConfig = z.infer<typeof repositoryConfigSchema>;

/** Name of the file in the root of a repository. */
export const REPOSITORY_CONFIG_FILE = ".slipway.yaml";
