import { isAbsolute, normalize } from "node:path";
import { defineBackend } from "@slipway/backend-sdk/define-backend";
import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import { findProgram } from "@slipway/backend-sdk/find-program";
import { ResidentAgents } from "@slipway/backend-sdk/resident-agents";
import { SlipwayError } from "@slipway/protocol/errors";
import { nameSchema } from "@slipway/protocol/scalars";
import { z } from "zod";
import { writeAgentFile } from "../agent-files.ts";
import type { AcpAgent } from "../client/acp-agent.ts";
import type { LaunchInput, Profile } from "../profile.ts";
import { findAgent } from "../program.ts";
import { runTurn } from "../run-turn.ts";
import { commonSettings } from "../settings.ts";

/** Programs that speak ACP. A worker offers this backend where it has one of them; the first name is for any other. */
const KNOWN_PROGRAMS = ["acp-agent", "claude-agent-acp", "codex-acp", "gemini", "goose", "kimi", "opencode", "qwen", "vibe-acp"];

const PLACES = "`{modelUrl}`, `{model}`, `{workspace}` and `{home}` stand for what they say";

const textSchema = z.string().max(65_536);
/** The key stands in the environment alone: arguments are seen by everybody, and files stay. */
const keylessSchema = textSchema.refine((text) => !text.includes("{key}"), "{key} may stand in env alone");
const inHome = (path: string): boolean => !isAbsolute(path) && !normalize(path).startsWith("..");

const configSchema = z.strictObject({
  command: z.string().min(1).max(4_096).describe("The program that speaks ACP: a path, or a name that is looked for on PATH."),
  args: z.array(keylessSchema).max(100).default([]).describe(`Its arguments. ${PLACES}.`),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), textSchema)
    .default({})
    .describe(`Variables for it, beside the job's. ${PLACES}, and \`{key}\` for what it must show in place of a vendor's key.`),
  files: z
    .record(z.string().min(1).max(500).refine(inHome, "expected a path inside the home"), keylessSchema)
    .default({})
    .describe(`Files that are written into the home before it starts, by their paths there. ${PLACES}.`),
  mode: z.string().min(1).max(200).optional().describe("Session mode to set, such as the one in which it does not ask for leave."),
  model: z.string().max(200).default("").describe("What `{model}` stands for."),
  provider: nameSchema.default("openai").describe("Provider of the gateway that has the model."),
  modelPath: z
    .string()
    .regex(/^(\/[A-Za-z0-9._-]+)*$/, "expected a path such as /v1, or nothing")
    .default("/v1")
    .describe("Behind the provider's name in `{modelUrl}`: /v1 for OpenAI's protocol; nothing for Anthropic's and Gemini's, whose clients add it."),
  ...commonSettings,
});
type Config = z.output<typeof configSchema>;

const profile: Profile<typeof configSchema> = {
  name: "acp",
  version: "1.0.0",
  title: "The agent",
  summary: "Runs any agent that speaks the Agent Client Protocol, as its configuration says; its model calls go through the gateway.",
  config: configSchema,
  capabilities: { resume: true, usage: true, plan: true, model: true, permissions: true, mcp: true, images: true },
  async launch(given) {
    const { config, home, env } = given;
    const found = await findAgent(config.command, env["PATH"]);
    if (!found) {
      const { command } = config;
      throw new SlipwayError("BACKEND_NOT_INSTALLED", `There is no program ${command} for the agent.`, {
        command,
        remedy: "Correct `command` in backendConfig.",
      });
    }
    const fill = filler(given);
    for (const [path, content] of Object.entries(config.files)) await writeAgentFile(home, path, fill(content));
    const own = Object.fromEntries(Object.entries(config.env).map(([name, value]) => [name, fill(value).replaceAll("{key}", given.key)]));
    return {
      program: found.program,
      args: [...found.args, ...config.args.map(fill)],
      env: { ...withDirectGateway(env), ...own },
      ...(config.mode === undefined ? {} : { mode: config.mode }),
    };
  },
};

function filler({ config, home, workspace, modelUrl }: LaunchInput<Config>): (text: string) => string {
  const values: Readonly<Record<string, string>> = {
    "{modelUrl}": `${modelUrl}/${config.provider}${config.modelPath}`,
    "{model}": config.model,
    "{workspace}": workspace,
    "{home}": home,
  };
  return (text) => text.replace(/\{(modelUrl|model|workspace|home)\}/g, (place) => values[place] ?? place);
}

/** Its processes that wait for a next turn. */
export const acpAgents = new ResidentAgents<AcpAgent>();

/** Any agent that speaks the Agent Client Protocol, by configuration alone. */
export const acpBackend = defineBackend({
  name: profile.name,
  version: profile.version,
  summary: profile.summary,
  capabilities: profile.capabilities,
  config: configSchema,
  secrets: [],
  image: { npm: [], apt: [] },
  programSetting: "command",
  async probe({ env }) {
    const tried = `looked on PATH for ${KNOWN_PROGRAMS.join(", ")}`;
    const found: string[] = [];
    for (const name of KNOWN_PROGRAMS) if (await findProgram(name, env["PATH"])) found.push(name);
    if (found.length > 0) return { ok: true, tried, found: found.join(", ") };
    return { ok: false, tried, found: "no program that speaks ACP", remedy: "Install one of them, or link your own agent onto PATH as acp-agent." };
  },
  turn: (turn) => runTurn(profile as unknown as Profile, acpAgents, turn),
});
