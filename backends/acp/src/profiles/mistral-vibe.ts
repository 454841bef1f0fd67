import { readFile, realpath, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import { executableAt } from "@slipway/backend-sdk/find-program";
import { findPython } from "@slipway/backend-sdk/python/find-python";
import { readRequirements } from "@slipway/backend-sdk/python/probe-python";
import { workspaceInstructions } from "@slipway/backend-sdk/workspace-instructions";
import { z } from "zod";
import { writeAgentFile } from "../agent-files.ts";
import { defineProfile } from "../define-profile.ts";
import { without } from "../environment.ts";
import type { Profile } from "../profile.ts";
import { findAgent, type Program, requireAgent } from "../program.ts";
import { MISTRAL_VIBE } from "../releases.ts";
import { profileSettings } from "../settings.ts";

const COMMAND = "vibe-acp";
/** What `slipway backends install` and the image put on PATH. */
const PYTHON = "mistral-vibe-python";
/** Isolated: else a module of the workspace could stand in for one of the agent's. */
const MODULE = ["-I", "-m", "vibe.acp.entrypoint"];
const VERSION = ["-I", "-c", "import importlib.metadata as m; print(m.version('mistral-vibe'))"];
/** Holds what the agent shows in place of a vendor's key. */
const KEY_VARIABLE = "MODEL_KEY";
/** How long it tries one call of the model again, in s: more tries come from the job. */
const RETRY_SECONDS = 20;
const INSTRUCTIONS = "AGENTS.md";
const HOME = ".vibe";

/** It and all that it needs, each in an exact version; installed without dependencies of their own. */
export const MISTRAL_VIBE_PACKAGES = readRequirements(join(import.meta.dirname, "../python/mistral-vibe-requirements.txt"));

const configSchema = z.strictObject({
  ...profileSettings({ model: "devstral-latest", provider: "mistral", protocol: "OpenAI Chat Completions", command: COMMAND }),
  contextTokens: z
    .int()
    .min(1_000)
    .max(100_000_000)
    .default(256_000)
    .describe("How much the model takes: before that, Mistral Vibe shortens the conversation."),
});
type Config = z.output<typeof configSchema>;

const MODES = { allow: "auto-approve", edits: "accept-edits", deny: "ask" } as const;

const profile: Profile<typeof configSchema> = {
  name: "mistral-vibe",
  version: "1.0.0",
  title: "Mistral Vibe",
  summary: "Runs Mistral's Vibe over ACP; its model calls go through the gateway.",
  config: configSchema,
  capabilities: { resume: true, usage: true, plan: true, model: true, permissions: true, images: true },
  async launch({ config, home, workspace, env, modelUrl, key, hasImages }) {
    const { program, args } = await requireAgent(await findVibe(config.command, env["PATH"]), config.command, COMMAND, MISTRAL_VIBE);
    await writeAgentFile(home, join(HOME, "config.toml"), settings(config, `${modelUrl}/${config.provider}/v1`, hasImages));
    await putInstructions(home, workspace);
    return {
      program,
      args,
      env: {
        ...withDirectGateway(without(env, "VIBE_", "MISTRAL_")),
        VIBE_HOME: join(home, HOME),
        [KEY_VARIABLE]: key,
      },
      mode: MODES[config.permissions],
      ...(hasImages ? { variant: "images" } : {}),
    };
  },
};

/** What the repository has in `.vibe` is left aside, as nobody calls its folder trusted. It ends where a table begins, so tables come last. */
function settings({ model, contextTokens }: Config, baseUrl: string, hasImages: boolean): string {
  return `active_model = "slipway"
enable_telemetry = false
enable_update_checks = false
enable_auto_update = false
enable_connectors = false
experimental_enable_model_catalog = false
experimental_enable_registry_skills = false
include_commit_signature = false
api_retry_max_elapsed_time = ${RETRY_SECONDS}

[experiments]
enable = false

[session_logging]
generate_titles = false

[[providers]]
name = "slipway"
api_base = ${tomlText(baseUrl)}
api_key_env_var = "${KEY_VARIABLE}"
backend = "generic"

[[models]]
name = ${tomlText(model)}
provider = "slipway"
alias = "slipway"
max_context_length = ${contextTokens}
${hasImages ? "supports_images = true\n" : ""}`;
}

/** JSON's escapes are TOML's too, which wants one more. */
function tomlText(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}

/** It reads those of a workspace only where it would take its settings too, and those of its own folder always. */
async function putInstructions(home: string, workspace: string): Promise<void> {
  const { files } = await workspaceInstructions(workspace);
  const place = join(HOME, INSTRUCTIONS);
  if (files.some(({ path }) => path === INSTRUCTIONS)) await writeAgentFile(home, place, await readFile(join(workspace, INSTRUCTIONS), "utf8"));
  else await rm(join(home, place), { force: true });
}

/** The program's script is started by its own Python, which lies beside it. */
async function findVibe(command: string, path: string | undefined): Promise<Program | undefined> {
  const python = command === COMMAND ? await findPython([PYTHON], path) : undefined;
  if (python !== undefined) return byPython(python);
  const found = await findAgent(command, path);
  const beside = found && (await executableAt(join(dirname(await realpath(found.program)), "python")));
  return beside === undefined ? found : byPython(beside);
}

function byPython(program: string): Program {
  return { program, args: MODULE, versionArgs: VERSION };
}

/** Mistral's Vibe, over ACP. */
export const { backend: mistralVibeBackend, residents: mistralVibeAgents } = defineProfile(profile, {
  title: profile.title,
  command: COMMAND,
  release: MISTRAL_VIBE,
  pip: MISTRAL_VIBE_PACKAGES,
  find: (path) => findVibe(COMMAND, path),
});
