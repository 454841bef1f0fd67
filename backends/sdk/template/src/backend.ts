import { defineBackend } from "@slipway/backend-sdk/define-backend";
import { configSchema } from "./config.ts";
import { probe } from "./program.ts";
import { RELEASE } from "./release.ts";
import { runTurn } from "./turn.ts";

/** The definition that Slipway's runner loads, inside of the sandbox. */
export const backend = defineBackend({
  name: "example",
  version: "0.1.0",
  summary: "Runs the tiny agent that is in this package.",
  // True to what it does. `model: true` gives turns the way to the models in `turn.model`.
  capabilities: { resume: true, usage: true, plan: false, model: false },
  config: configSchema,
  secrets: [],
  // What an image of this backend installs: { npm: ["the-agent@1.2.3"], apt: [] }.
  image: { npm: [], apt: [] },
  release: RELEASE,
  probe,
  turn: runTurn,
});
