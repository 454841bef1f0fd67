import { claudeCodeBackend } from "@slipway/backend-claude-code/backend";
import { residents } from "@slipway/backend-claude-code/claude-process";
import { conformanceCases } from "@slipway/backend-sdk/conformance";
import { afterAll, afterEach, test } from "vitest";
import { scenarioOf } from "../../support/model-server/scenario.ts";
import { startModelServer } from "../../support/model-server/server.ts";
import { TOKEN } from "../matrix/agent-bench.ts";

const todos = [
  { content: "look", status: "completed", activeForm: "Looking" },
  { content: "edit", status: "in_progress", activeForm: "Editing" },
];
const server = await startModelServer({
  key: TOKEN,
  scenario: scenarioOf({
    turns: [
      { prompt: "never end", steps: [{ shell: "sleep 1 & tail -f /dev/null" }] },
      { prompt: "refuse", steps: [{ error: { status: 400 } }] },
      { steps: [{ text: "I have a plan.", calls: [{ tool: "TodoWrite", input: { todos } }] }, { text: "Done." }] },
    ],
  }),
});
afterEach(() => residents.endAll());
afterAll(() => server[Symbol.asyncDispose]());

const model = { baseUrl: server.baseUrl, token: TOKEN };
const turns = {
  ok: { config: {}, prompt: "Fix it.", model },
  endless: { config: {}, prompt: "never end", model },
  failing: { config: {}, prompt: "refuse", model, code: "MODEL_REFUSED" },
  wrongConfigs: [
    { config: { modle: "claude" }, field: "modle" },
    { config: { model: "--resume" }, field: "model" },
    { config: { effort: "none" }, field: "effort" },
    { config: { provider: "../up" }, field: "provider" },
    { config: { silenceTimeoutSeconds: 0 }, field: "silenceTimeoutSeconds" },
  ],
};
for (const { name, run } of conformanceCases(claudeCodeBackend, turns)) test(name, { timeout: 60_000 }, run);
