import { dirname, join } from "node:path";
import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import { z } from "zod";
import { writeAgentFile } from "../agent-files.ts";
import { defineProfile } from "../define-profile.ts";
import { without } from "../environment.ts";
import type { Profile } from "../profile.ts";
import { findAgent, isThere, type Program, requireAgent } from "../program.ts";
import { QWEN } from "../releases.ts";
import { profileSettings } from "../settings.ts";

const COMMAND = "qwen";

const configSchema = z.strictObject(
  profileSettings({ model: "qwen3-coder-plus", provider: "dashscope", protocol: "OpenAI Chat Completions", command: COMMAND }),
);

/**
 * They win over those of the workspace and of the home. After a turn Qwen Code has its model look through the conversation for things to remember, with tools
 * that can write, and think of what might be asked next, and after tools say what they did: calls for nobody here. And tools of MCP servers are shown to its model, which need not look for them.
 */
const SETTINGS = {
  privacy: { usageStatisticsEnabled: false },
  general: { enableAutoUpdate: false },
  telemetry: { enabled: false },
  tools: { toolSearch: { enabled: false } },
  ui: { enableFollowupSuggestions: false },
  experimental: { emitToolUseSummaries: false },
  memory: { enableManagedAutoMemory: false, enableManagedAutoDream: false, enableAutoSkill: false },
};

/** What a model is not known to take, such as its own default, it leaves out of the request. */
const SEES_IMAGES = { model: { generationConfig: { modalities: { image: true } } } };

const profile: Profile<typeof configSchema> = {
  name: "qwen",
  version: "1.0.0",
  title: "Qwen Code",
  summary: "Runs Qwen Code over ACP; its model calls go through the gateway.",
  config: configSchema,
  rehearses: true,
  capabilities: { resume: true, usage: true, plan: true, model: true, permissions: true, mcp: true, images: true },
  async launch({ config, home, env, modelUrl, key, hasImages }) {
    const { program, args } = await requireAgent(await findQwen(config.command, env["PATH"]), config.command, COMMAND, QWEN);
    const settings = await writeAgentFile(home, ".slipway/qwen-settings.json", JSON.stringify(hasImages ? { ...SETTINGS, ...SEES_IMAGES } : SETTINGS));
    return {
      program,
      args: [...args, "--acp", "--auth-type", "openai"],
      env: {
        ...withDirectGateway(without(env, "QWEN_", "OPENAI_")),
        OPENAI_API_KEY: key,
        OPENAI_BASE_URL: `${modelUrl}/${config.provider}/v1`,
        OPENAI_MODEL: config.model,
        QWEN_CODE_SYSTEM_SETTINGS_PATH: settings,
        QWEN_DISABLE_AUTO_TITLE: "1",
        QWEN_CODE_SUPPRESS_YOLO_WARNING: "1",
        // The servers are there before the first prompt.
        QWEN_CODE_LEGACY_MCP_BLOCKING: "1",
      },
      ...(hasImages ? { variant: "images" } : {}),
      mode: config.permissions === "allow" ? "yolo" : "default",
    };
  },
};

/** Its start script starts another process, which goes on when the first one is ended: that other one is started here. */
async function findQwen(command: string, path: string | undefined): Promise<Program | undefined> {
  return await findAgent(command, path, async (script) => {
    const main = join(dirname(script), "cli.js");
    return script.endsWith("cli-entry.js") && (await isThere(main)) ? main : script;
  });
}

/** Qwen Code, over ACP. */
export const { backend: qwenBackend, residents: qwenAgents } = defineProfile(profile, {
  title: profile.title,
  command: COMMAND,
  release: QWEN,
  find: (path) => findQwen(COMMAND, path),
});
