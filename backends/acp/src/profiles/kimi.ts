import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import { z } from "zod";
import { defineProfile } from "../define-profile.ts";
import { without } from "../environment.ts";
import type { Profile } from "../profile.ts";
import { findAgent, requireAgent } from "../program.ts";
import { KIMI } from "../releases.ts";
import { profileSettings } from "../settings.ts";

const COMMAND = "kimi";
/** Tries of one call of the model: more come from the job. */
const ATTEMPTS = 3;

const configSchema = z.strictObject(profileSettings({ model: "kimi-k2.5", provider: "moonshot", protocol: "OpenAI Chat Completions", command: COMMAND }));

const profile: Profile<typeof configSchema> = {
  name: "kimi",
  version: "1.0.0",
  title: "Kimi Code",
  summary: "Runs Moonshot's Kimi Code over ACP; its model calls go through the gateway.",
  config: configSchema,
  capabilities: { resume: true, usage: true, plan: true, model: true, permissions: true, mcp: true, images: true },
  async launch({ config, env, modelUrl, key }) {
    const { program, args } = await requireAgent(await findAgent(config.command, env["PATH"]), config.command, COMMAND, KIMI);
    return {
      program,
      args: [...args, "acp"],
      env: {
        ...withDirectGateway(without(env, "KIMI_")),
        KIMI_MODEL_NAME: config.model,
        KIMI_MODEL_PROVIDER_TYPE: "openai",
        KIMI_MODEL_BASE_URL: `${modelUrl}/${config.provider}/v1`,
        KIMI_MODEL_API_KEY: key,
        KIMI_DISABLE_TELEMETRY: "1",
        KIMI_CODE_NO_AUTO_UPDATE: "1",
        // Where Kimi Code itself stops, it calls the turn done.
        KIMI_LOOP_MAX_STEPS_PER_TURN: String(config.maxSteps + 1),
        KIMI_LOOP_MAX_ATTEMPTS_PER_STEP: String(ATTEMPTS),
      },
      ...(config.permissions === "allow" ? { mode: "yolo" } : {}),
    };
  },
};

/** Moonshot's Kimi Code, over ACP. */
export const { backend: kimiBackend, residents: kimiAgents } = defineProfile(profile, {
  title: profile.title,
  command: COMMAND,
  release: KIMI,
  find: (path) => findAgent(COMMAND, path),
});
