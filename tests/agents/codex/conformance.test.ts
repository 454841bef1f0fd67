import { codexBackend } from "@slipway/backend-codex/backend";
import { conformanceCases } from "@slipway/backend-sdk/conformance";
import { afterAll, test } from "vitest";
import { scenarioOf } from "../../support/model-server/scenario.ts";
import { startModelServer } from "../../support/model-server/server.ts";
import { TOKEN } from "./bench.ts";

const plan = [
  { step: "look", status: "completed" },
  { step: "edit", status: "in_progress" },
];
const server = await startModelServer({
  key: TOKEN,
  scenario: scenarioOf({
    turns: [
      { prompt: "never end", steps: [{ shell: "sleep 300 & sleep 301" }] },
      { prompt: "refuse", steps: [{ error: { status: 400 } }] },
      { steps: [{ text: "I have a plan.", calls: [{ tool: "update_plan", input: { plan } }] }, { text: "Done." }] },
    ],
  }),
});
afterAll(() => server[Symbol.asyncDispose]());

const model = { baseUrl: server.baseUrl, token: TOKEN };
const turns = {
  ok: { config: {}, prompt: "Fix it.", model },
  endless: { config: {}, prompt: "never end", model },
  failing: { config: {}, prompt: "refuse", model, code: "MODEL_REFUSED" },
  wrongConfigs: [
    { config: { modle: "gpt" }, field: "modle" },
    { config: { ownSandbox: "none" }, field: "ownSandbox" },
    { config: { provider: "../up" }, field: "provider" },
    { config: { silenceTimeoutSeconds: 0 }, field: "silenceTimeoutSeconds" },
  ],
};
for (const { name, run } of conformanceCases(codexBackend, turns)) test(name, run);
