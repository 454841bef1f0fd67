import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import { executableAt } from "@slipway/backend-sdk/find-program";
import { workspaceInstructions } from "@slipway/backend-sdk/workspace-instructions";
import { z } from "zod";
import { writeAgentFile } from "../agent-files.ts";
import { defineProfile } from "../define-profile.ts";
import { without } from "../environment.ts";
import type { Profile } from "../profile.ts";
import { findAgent, type Program, requireAgent } from "../program.ts";
import { OPENCODE } from "../releases.ts";
import { profileSettings } from "../settings.ts";

const COMMAND = "opencode";
/** Holds what the agent shows in place of a vendor's key. */
const KEY_VARIABLE = "MODEL_KEY";
/** The program has far more; what npm leaves in its place, where it ran no scripts, has far less. */
const STUB_LIMIT_BYTES = 100_000;
/** It takes the first of them that is there. */
const INSTRUCTIONS = ["AGENTS.md", "CLAUDE.md"];

const configSchema = z.strictObject({
  ...profileSettings({ model: "gpt-6.1-sol", provider: "openai", protocol: "OpenAI Chat Completions", command: COMMAND }),
  contextTokens: z.int().min(1_000).max(100_000_000).default(200_000).describe("How much the model takes: before that, opencode shortens the conversation."),
  outputTokens: z.int().min(100).max(1_000_000).default(32_000).describe("Longest answer that opencode asks the model for."),
});
type Config = z.output<typeof configSchema>;

const profile: Profile<typeof configSchema> = {
  name: "opencode",
  version: "1.0.0",
  title: "opencode",
  summary: "Runs opencode over ACP; its model calls go through the gateway.",
  config: configSchema,
  rehearses: true,
  capabilities: { resume: true, usage: true, plan: true, model: true, permissions: true, mcp: true, images: true },
  async launch({ config, home, workspace, env, modelUrl, key, hasImages }) {
    const { program, args } = await requireAgent(await findOpencode(config.command, env["PATH"]), config.command, COMMAND, OPENCODE);
    // It has npm fetch its own plugin's package into this folder, which no plugin of a job needs.
    await writeAgentFile(home, ".config/opencode/.npmrc", "offline=true\n");
    return {
      program,
      args: [...args, "acp"],
      env: {
        ...withDirectGateway(without(env, "OPENCODE_", "XDG_")),
        [KEY_VARIABLE]: key,
        OPENCODE_CONFIG_CONTENT: JSON.stringify({
          ...settings(config, `${modelUrl}/${config.provider}/v1`, hasImages),
          instructions: [await putInstructions(home, workspace)],
        }),
        // What a repository has for it can name another model server, and has programs that it starts with its own environment.
        OPENCODE_DISABLE_PROJECT_CONFIG: "1",
        OPENCODE_PURE: "1",
        OPENCODE_DISABLE_AUTOUPDATE: "1",
        OPENCODE_DISABLE_MODELS_FETCH: "1",
        OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
      },
    };
  },
};

/** Of a model: what a model is not known to take, opencode leaves out. */
const SEES_IMAGES = { attachment: true, modalities: { input: ["text", "image"], output: ["text"] } };

/** It has no mode in which it does not ask: its settings say what it asks for. The same model makes titles and summaries. */
function settings(config: Config, baseURL: string, hasImages: boolean): Readonly<Record<string, unknown>> {
  const { model, contextTokens: context, outputTokens: output, permissions } = config;
  const leave = permissions === "allow" ? "allow" : "ask";
  return {
    autoupdate: false,
    share: "disabled",
    model: `slipway/${model}`,
    small_model: `slipway/${model}`,
    enabled_providers: ["slipway"],
    provider: {
      slipway: {
        npm: "@ai-sdk/openai-compatible",
        name: "slipway",
        options: { baseURL, apiKey: `{env:${KEY_VARIABLE}}` },
        models: { [model]: { name: model, limit: { context, output }, ...(hasImages ? SEES_IMAGES : {}) } },
      },
    },
    agent: { title: { disable: true } },
    permission: { edit: leave, bash: leave, webfetch: "deny", external_directory: leave },
  };
}

/** Without the settings of the workspace it reads no instructions there either: they are put where it was told to look, whether there are any or not. */
async function putInstructions(home: string, workspace: string): Promise<string> {
  const { files } = await workspaceInstructions(workspace);
  const first = INSTRUCTIONS.find((name) => files.some(({ path }) => path === name));
  return await writeAgentFile(home, ".config/opencode/slipway-instructions.md", first === undefined ? "" : await readFile(join(workspace, first), "utf8"));
}

/** The npm package's command is the program itself once its script has run; without it, that of the platform's package beside it is taken. */
export async function findOpencode(command: string, path: string | undefined): Promise<Program | undefined> {
  return await findAgent(command, path, async (script) => {
    if ((await stat(script)).size > STUB_LIMIT_BYTES) return script;
    const root = dirname(dirname(script));
    const base = `opencode-${process.platform}-${process.arch}`;
    // The faster one stops at its first step on processors without AVX2.
    const names = process.arch === "x64" && !(await hasAvx2()) ? [`${base}-baseline`, base] : [base, `${base}-baseline`];
    for (const folder of [join(root, "node_modules"), dirname(root)]) {
      for (const name of names) {
        const found = await executableAt(join(folder, name, "bin/opencode"));
        if (found !== undefined) return found;
      }
    }
    return script;
  });
}

async function hasAvx2(): Promise<boolean> {
  // Elsewhere than on Linux the safe one is taken.
  const text = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  return /\bavx2\b/.test(text);
}

/** opencode, over ACP. */
export const { backend: opencodeBackend, residents: opencodeAgents } = defineProfile(profile, {
  title: profile.title,
  command: COMMAND,
  release: OPENCODE,
  find: (path) => findOpencode(COMMAND, path),
});
