import { join } from "node:path";
import { defineBackend } from "@slipway/backend-sdk/define-backend";
import { probePython } from "@slipway/backend-sdk/python/probe-python";
import { PythonAgent } from "@slipway/backend-sdk/python/python-agent";
import { failedTurn } from "@slipway/backend-sdk/turn-result";
import { openhandsConfigSchema } from "./config.ts";
import { failureOf } from "./failure.ts";
import { INSTALL_COMMAND, isTested, OPENHANDS_PACKAGES, OPENHANDS_RELEASE, OPENHANDS_VERSION, PYTHONS } from "./release.ts";

const TITLE = "OpenHands";
const PACKAGE = "openhands-sdk";

const agent = new PythonAgent({
  title: TITLE,
  driver: join(import.meta.dirname, "python/driver.py"),
  pythons: PYTHONS,
  installCommand: INSTALL_COMMAND,
  failure: failureOf,
});

/** OpenHands by its SDK, over the model gateway. */
export const openhandsBackend = defineBackend({
  name: "openhands",
  version: "1.0.0",
  summary: "Runs OpenHands by its SDK, with a terminal, a file editor and a task list; its model calls go through the gateway.",
  capabilities: { resume: true, usage: true, plan: true, model: true, images: true },
  config: openhandsConfigSchema,
  secrets: [],
  image: { npm: [], apt: [], pip: OPENHANDS_PACKAGES },
  release: OPENHANDS_RELEASE,
  programSetting: "python",
  probe: (context) =>
    probePython({ title: TITLE, packageName: PACKAGE, testedVersion: OPENHANDS_VERSION, isTested, pythons: PYTHONS, installCommand: INSTALL_COMMAND }, context),
  warmUp: (context) => agent.warmUp(context),
  async turn(turn) {
    const { config, home, model } = turn;
    if (!model) return failedTurn("GATEWAY_UNAVAILABLE", `${TITLE} needs a model, and this turn was given no way to one.`);
    const { python, provider, ...settings } = config;
    return await agent.turn(turn, python, {
      ...settings,
      isNew: turn.turn === 1,
      baseUrl: `${model.baseUrl}/${provider}/v1`,
      token: model.token,
      conversation: join(home, ".slipway/openhands"),
    });
  },
});
