import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import { z } from "zod";
import { writeAgentFile } from "../agent-files.ts";
import { defineProfile } from "../define-profile.ts";
import { without } from "../environment.ts";
import type { Profile } from "../profile.ts";
import { findAgent, requireAgent } from "../program.ts";
import { GEMINI } from "../releases.ts";
import { profileSettings } from "../settings.ts";

const COMMAND = "gemini";
/** Tries of one call of the model: more come from the job. */
const ATTEMPTS = 3;

const configSchema = z.strictObject(profileSettings({ model: "gemini-2.5-pro", provider: "gemini", protocol: "Gemini", command: COMMAND }));

/** Without the type of login it asks for one. Steps are counted here, so that a text with repetitions is none of its business. */
const SETTINGS = {
  security: { auth: { selectedType: "gemini-api-key" } },
  general: { enableAutoUpdate: false, enableAutoUpdateNotification: false, maxAttempts: ATTEMPTS },
  model: { disableLoopDetection: true },
  // By itself it reads GEMINI.md alone.
  context: { fileName: ["AGENTS.md", "GEMINI.md"] },
  privacy: { usageStatisticsEnabled: false },
  telemetry: { enabled: false },
};

const profile: Profile<typeof configSchema> = {
  name: "gemini",
  version: "1.0.0",
  title: "Gemini CLI",
  summary: "Runs Google's Gemini CLI over ACP; its model calls go through the gateway.",
  config: configSchema,
  capabilities: { resume: true, usage: true, plan: false, model: true, permissions: true, mcp: true, images: true },
  toolName: /^([a-z][a-z_]*?)(?:__|-\d)/,
  async launch({ config, home, env, modelUrl, key }) {
    const { program, args } = await requireAgent(await findAgent(config.command, env["PATH"]), config.command, COMMAND, GEMINI);
    await writeAgentFile(home, ".gemini/settings.json", JSON.stringify(SETTINGS));
    return {
      program,
      args: [...args, "--acp", "--skip-trust", "--model", config.model],
      env: {
        ...withDirectGateway(without(env, "GEMINI_", "GOOGLE_")),
        GEMINI_API_KEY: key,
        GOOGLE_GEMINI_BASE_URL: `${modelUrl}/${config.provider}`,
        // Else it starts itself a second time, and a signal misses the one that works.
        GEMINI_CLI_NO_RELAUNCH: "true",
      },
      mode: config.permissions === "allow" ? "yolo" : "default",
    };
  },
};

/** Google's Gemini CLI, over ACP. */
export const { backend: geminiBackend, residents: geminiAgents } = defineProfile(profile, {
  title: profile.title,
  command: COMMAND,
  release: GEMINI,
  find: (path) => findAgent(COMMAND, path),
});
