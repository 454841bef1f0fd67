import { claudeCodeBackend } from "@slipway/backend-claude-code/backend";
import { residents } from "@slipway/backend-claude-code/claude-process";
import { createTestBench, type TestBench, type TurnOptions, type TurnRecord } from "@slipway/backend-sdk/test-kit";
import type { Scenario, ScenarioInput } from "../../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../../support/model-server/server.ts";
import { TOKEN } from "../matrix/agent-bench.ts";

/** A workspace, a home and a scripted model for turns of the real Claude Code, which must be on PATH. */
export interface ClaudeBench extends AsyncDisposable {
  readonly workspace: string;
  readonly home: string;
  readonly server: ModelServer;
  run(options?: Partial<TurnOptions>): Promise<TurnRecord>;
}

export async function openBench(scenario: Scenario | ScenarioInput, files: Record<string, string> = { "README.md": "# demo\n" }): Promise<ClaudeBench> {
  const server = await startModelServer({ scenario, key: TOKEN });
  const bench: TestBench = await createTestBench(files);
  return {
    workspace: bench.workspace,
    home: bench.home,
    server,
    run: (options = {}) => bench.runTurn(claudeCodeBackend, { config: {}, prompt: "Fix it.", model: { baseUrl: server.baseUrl, token: TOKEN }, ...options }),
    async [Symbol.asyncDispose]() {
      await residents.endAll();
      await server[Symbol.asyncDispose]();
      await bench[Symbol.asyncDispose]();
    },
  };
}
