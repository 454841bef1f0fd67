import type { AcpAgent } from "@slipway/backend-acp/client/acp-agent";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { ResidentAgents } from "@slipway/backend-sdk/resident-agents";
import { createTestBench, type TurnOptions, type TurnRecord } from "@slipway/backend-sdk/test-kit";
import type { Scenario, ScenarioInput } from "../../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../../support/model-server/server.ts";

/** Stands for the attempt's token. The server wants it, and no output may show it. */
export const TOKEN = "attempt-token-of-this-test-0123456789";

/** An agent under test: its backend, and those of its processes that wait for a next turn. */
export interface Agent {
  readonly backend: BackendDefinition;
  readonly residents: ResidentAgents<AcpAgent>;
}

/** A workspace, a home and a scripted model for turns of a real agent, which must be on PATH. */
export interface AcpBench extends AsyncDisposable {
  readonly workspace: string;
  readonly home: string;
  readonly server: ModelServer;
  run(options?: Partial<TurnOptions>): Promise<TurnRecord>;
}

export async function openBench(agent: Agent, scenario: Scenario | ScenarioInput, files: Record<string, string> = { "README.md": "# demo\n" }): Promise<AcpBench> {
  const server = await startModelServer({ scenario, key: TOKEN });
  const bench = await createTestBench(files);
  return {
    workspace: bench.workspace,
    home: bench.home,
    server,
    run: (options = {}) => bench.runTurn(agent.backend, { config: {}, prompt: "Fix it.", model: { baseUrl: server.baseUrl, token: TOKEN }, ...options }),
    async [Symbol.asyncDispose]() {
      await agent.residents.endAll();
      await server[Symbol.asyncDispose]();
      await bench[Symbol.asyncDispose]();
    },
  };
}

/** How a turn ended: `done`, or its code. */
export function outcomeOf({ result }: TurnRecord): string {
  return result.status === "done" ? "done" : result.failure.code;
}

/** Data of a turn's events of one kind. */
export function eventsOf<K extends TurnRecord["events"][number]["kind"]>(record: TurnRecord, kind: K) {
  return record.events.flatMap((event) => (event.kind === kind ? [event.data as Extract<TurnRecord["events"][number], { kind: K }>["data"]] : []));
}
