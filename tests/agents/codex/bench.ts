import { codexBackend } from "@slipway/backend-codex/backend";
import { createTestBench, type TestBench, type TurnOptions, type TurnRecord } from "@slipway/backend-sdk/test-kit";
import { NAMED_SCENARIOS } from "../../support/model-server/named-scenarios.ts";
import type { Scenario, ScenarioInput } from "../../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../../support/model-server/server.ts";

/** Stands for the attempt's token. The server wants it, and no output may show it. */
export const TOKEN = "attempt-token-of-this-test-0123456789";

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
      await server[Symbol.asyncDispose]();
      await bench[Symbol.asyncDispose]();
    },
  };
}

export function named(name: string): Scenario {
  const found = NAMED_SCENARIOS[name];
  if (!found) throw new Error(`there is no scenario ${name}`);
  return found.scenario;
}

/** How a turn ended: `done`, or its code. */
export function outcomeOf({ result }: TurnRecord): string {
  return result.status === "done" ? "done" : result.failure.code;
}

/** Data of a turn's events of one kind. */
export function eventsOf<K extends TurnRecord["events"][number]["kind"]>(record: TurnRecord, kind: K) {
  return record.events.flatMap((event) => (event.kind === kind ? [event.data as Extract<TurnRecord["events"][number], { kind: K }>["data"]] : []));
}
