import { join } from "node:path";
import { defineBackend } from "@slipway/backend-sdk/define-backend";
import { probePython } from "@slipway/backend-sdk/python/probe-python";
import { PythonAgent } from "@slipway/backend-sdk/python/python-agent";
import { failedTurn } from "@slipway/backend-sdk/turn-result";
import { minisweConfigSchema } from "./config.ts";
import { failureOf } from "./failure.ts";
import { INSTALL_COMMAND, isTested, MINISWE_PACKAGES, MINISWE_RELEASE, MINISWE_VERSION, PYTHONS } from "./release.ts";

const TITLE = "mini-swe-agent";

/** Drivers of this runner; for tests, which end them. */
export const minisweAgent = new PythonAgent({
  title: TITLE,
  driver: join(import.meta.dirname, "python/driver.py"),
  pythons: PYTHONS,
  installCommand: INSTALL_COMMAND,
  failure: failureOf,
});

/** mini-swe-agent by its own classes, over the model gateway. */
export const minisweBackend = defineBackend({
  name: "miniswe",
  version: "1.0.0",
  summary: "Runs mini-swe-agent, an agent of one tool, the shell; its model calls go through the gateway.",
  capabilities: { resume: true, usage: true, plan: false, model: true, images: true },
  config: minisweConfigSchema,
  secrets: [],
  image: { npm: [], apt: [], pip: MINISWE_PACKAGES },
  release: MINISWE_RELEASE,
  programSetting: "python",
  probe: (context) =>
    probePython({ title: TITLE, packageName: TITLE, testedVersion: MINISWE_VERSION, isTested, pythons: PYTHONS, installCommand: INSTALL_COMMAND }, context),
  warmUp: (context) => minisweAgent.warmUp(context),
  async turn(turn) {
    const { config, home, model } = turn;
    if (!model) return failedTurn("GATEWAY_UNAVAILABLE", `${TITLE} needs a model, and this turn was given no way to one.`);
    const { python, provider, ...settings } = config;
    return await minisweAgent.turn(turn, python, {
      ...settings,
      isNew: turn.turn === 1,
      baseUrl: `${model.baseUrl}/${provider}/v1`,
      token: model.token,
      conversation: join(home, ".slipway/miniswe-conversation.jsonl"),
    });
  },
});
