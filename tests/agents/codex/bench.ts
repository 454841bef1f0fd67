import { residents } from "@slipway/backend-codex/app-server/codex-server";
import { codexBackend } from "@slipway/backend-codex/backend";
import { createTestBench, type TestBench, type TurnOptions, type TurnRecord } from "@slipway/backend-sdk/test-kit";
import type { Scenario, ScenarioInput } from "../../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../../support/model-server/server.ts";
import { TOKEN } from "../matrix/agent-bench.ts";

export { eventsOf, named, outcomeOf } from "../matrix/outcome.ts";
export { TOKEN };

/** A workspace, a home and a scripted model for turns of the real Codex CLI, which must be on PATH. */
export interface CodexBench extends AsyncDisposable {
  readonly workspace: string;
  readonly home: string;
  readonly server: ModelServer;
  run(options?: Partial<TurnOptions>): Promise<TurnRecord>;
}

export async function openBench(scenario: Scenario | ScenarioInput, files: Record<string, string> = { "README.md": "# demo\n" }): Promise<CodexBench> {
  const server = await startModelServer({ scenario, key: TOKEN });
  const bench: TestBench = await createTestBench(files);
  return {
    workspace: bench.workspace,
    home: bench.home,
    server,
    run: (options = {}) => bench.runTurn(codexBackend, { config: {}, prompt: "Fix it.", model: { baseUrl: server.baseUrl, token: TOKEN }, ...options }),
    async [Symbol.asyncDispose]() {
      await residents.endAll();
      await server[Symbol.asyncDispose]();
      await bench[Symbol.asyncDispose]();
    },
  };
}
