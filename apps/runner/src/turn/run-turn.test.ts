import type { BackendDefinition, TurnContext } from "@slipway/backend-sdk/backend";
import type { AgentEvent } from "@slipway/protocol/events";
import type { TurnRequest, TurnResult } from "@slipway/protocol/runner-protocol";
import { expect, test } from "vitest";
import { z } from "zod";
import { ModelPort } from "../model/model-port.ts";
import { runTurn } from "./run-turn.ts";

interface Outcome {
  readonly result: TurnResult;
  readonly events: AgentEvent[];
  readonly killed: number;
}

/** Runs one turn of a backend that does what `turn` does. */
async function run(
  turn: (context: TurnContext) => Promise<unknown>,
  changes: Partial<TurnRequest> = {},
  options: { cancel?: AbortSignal; stray?: Promise<never>; required?: boolean; model?: boolean; mcp?: boolean; port?: ModelPort } = {},
): Promise<Outcome> {
  const backend: BackendDefinition = {
    name: "inline",
    version: "1",
    summary: "A backend in a test.",
    capabilities: { resume: false, usage: false, plan: false, model: options.model ?? false, mcp: options.mcp ?? false },
    config: z.strictObject({ depth: z.int().optional() }),
    secrets: [{ name: "KEY", required: options.required ?? false, hint: "Make one up." }],
    probe: async () => ({ ok: true, tried: "", found: "" }),
    turn: turn as BackendDefinition["turn"],
  };
  const events: AgentEvent[] = [];
  let killed = 0;
  await using ownPort = new ModelPort();
  const request: TurnRequest = {
    ...{ type: "turn", turnId: "t", turn: 1, backend: "inline", config: {}, prompt: "", workspace: "/w", home: "/h", env: { A: "1" }, secrets: {} },
    ...{ timeoutMs: 10_000, stallMs: 10_000 },
    ...changes,
  };
  const result = await runTurn(request, options.cancel ?? new AbortController().signal, {
    loadBackend: async (name) => (name === "inline" ? backend : undefined),
    modelPort: options.port ?? ownPort,
    egressPort: ownPort,
    emit: (event) => void events.push(event),
    killOthers: () => {
      killed += 1;
    },
    streamOffsets: new Map(),
    extraEnv: { LABEL: "x" },
    stray: options.stray ?? new Promise<never>(() => {}),
  });
  return { result, events, killed };
}

test("what a backend says of its resources is not taken", async () => {
  const { result } = await run(async () => ({ status: "done", finalText: "ok", resources: { cpuMs: 1, peakMemoryBytes: 1 } }));
  expect(result).toEqual({ status: "done", finalText: "ok" });
});

const DONE: TurnResult = { status: "done", finalText: "ok" };
const hang = (): Promise<never> => new Promise(() => {});

async function emitNonsense({ emit }: TurnContext): Promise<TurnResult> {
  emit({ kind: "sing" } as unknown as AgentEvent);
  return DONE;
}

test("the backend gets all of the environment, and the label", async () => {
  await run(async ({ env }) => {
    expect(env).toEqual({ A: "1", LABEL: "x" });
    return DONE;
  });
});

test.each<[string, string, (context: TurnContext) => Promise<unknown>, Partial<TurnRequest>]>([
  ["throws", "BACKEND_FAILED", async () => Promise.reject(new Error("my own words")), {}],
  [
    "throws at once",
    "BACKEND_FAILED",
    () => {
      throw new Error("my own words");
    },
    {},
  ],
  ["returns nonsense", "BACKEND_OUTPUT_INVALID", async () => ({ status: "great" }), {}],
  ["emits nonsense", "BACKEND_OUTPUT_INVALID", emitNonsense, {}],
  ["gets a wrong setting", "INVALID_CONFIG", async () => DONE, { config: { depth: "deep" } }],
  ["hangs", "AGENT_TIMEOUT", hang, { timeoutMs: 50 }],
  ["is silent", "AGENT_STALLED", hang, { stallMs: 50 }],
])("a backend that %s ends with %s", async (_, code, turn, changes) => {
  const { result, killed } = await run(turn, changes);
  expect(result).toMatchObject({ status: "failed", failure: { code } });
  if (code === "BACKEND_FAILED") expect(result).toMatchObject({ failure: { message: "my own words" } });
  if (code === "INVALID_CONFIG") expect(result).toMatchObject({ failure: { details: { field: "depth" } } });
  expect(killed).toBe(code.startsWith("AGENT_") ? 1 : 0);
});

test("output keeps a turn from stalling", async () => {
  const { result } = await run(
    async ({ log }) => {
      for (let round = 0; round < 6; round += 1) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        log("stdout", Buffer.from("."));
      }
      return DONE;
    },
    { stallMs: 200 },
  );
  expect(result).toEqual(DONE);
});

test("a cancelled turn is CANCELLED even where the backend says that it is done", async () => {
  const abort = new AbortController();
  const { result, killed } = await run(
    async ({ signal }) => {
      abort.abort();
      expect(signal.aborted).toBe(true);
      return DONE;
    },
    {},
    { cancel: abort.signal },
  );
  expect(result).toMatchObject({ failure: { code: "CANCELLED" } });
  expect(killed).toBe(1);
});

test("an error that escaped from the backend ends the turn", async () => {
  const { result } = await run(hang, {}, { stray: Promise.reject(new Error("floating")) });
  expect(result).toMatchObject({ failure: { code: "BACKEND_FAILED", message: "floating" } });
});

test("a required secret that is missing is named", async () => {
  const { result } = await run(async () => DONE, {}, { required: true });
  expect(result).toMatchObject({ failure: { code: "SECRET_MISSING", details: { secret: "KEY" } } });
});

test("secrets are masked in messages, results, failures and logs; ones that are too short are told of", async () => {
  const secrets = { KEY: "hunter2hunter2", PIN: "12" };
  const { result, events } = await run(
    async ({ emit, log, secrets: given }) => {
      emit({ kind: "message", data: { role: "agent", text: `it is ${given["KEY"]}` } });
      log("stdout", Buffer.from("it is hunter2"));
      log("stdout", Buffer.from("hunter2 still"));
      throw new Error(`refused: ${given["KEY"]}`);
    },
    { secrets },
  );
  const all = JSON.stringify({ result, events });
  expect(all).not.toContain("hunter2");
  expect(all).toContain("refused: ***");
  expect(all).toContain("it is *** still");
  expect(events[0]).toMatchObject({ kind: "notice", data: { text: expect.stringContaining("PIN") } });
});

test("what a backend says after its turn is not heard", async () => {
  let late: TurnContext | undefined;
  const { events } = await run(async (context) => {
    late = context;
    return DONE;
  });
  late?.emit({ kind: "message", data: { role: "agent", text: "late" } });
  late?.log("stdout", Buffer.from("late"));
  expect(events).toEqual([]);
});

test("texts beyond the protocol's limit are cut, not refused", async () => {
  const { result, events } = await run(async ({ emit }) => {
    emit({ kind: "tool-result", data: { callId: "1", output: "x".repeat(400_000), isError: false } });
    return { status: "done", finalText: "\u0000".repeat(400_000) };
  });
  expect(events).toHaveLength(1);
  expect(result.status).toBe("done");
  expect(JSON.stringify(result).length).toBeLessThan(1_000_000);
});

const GATEWAY = { socket: "/nobody/listens/here", token: "slipmodel_0123456789" };

test("a backend that needs a model gets the port and the token, which is masked; one that does not gets neither", async () => {
  const seen: Array<TurnContext["model"]> = [];
  const look = async ({ model, log }: TurnContext): Promise<TurnResult> => {
    seen.push(model);
    log("stdout", Buffer.from(`key ${model?.token}`));
    return { status: "done", finalText: `base64 ${Buffer.from(model?.token ?? "").toString("base64")}` };
  };
  const { result, events } = await run(look, { gateway: GATEWAY }, { model: true });
  await run(look, { gateway: GATEWAY });
  expect(seen).toEqual([{ baseUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), token: GATEWAY.token }, undefined]);
  expect(events).toMatchObject([{ kind: "log", data: { text: "key ***" } }]);
  expect(result).toEqual({ status: "done", finalText: expect.stringMatching(/^base64 \*\*\*/) });
});

test("a turn that needs a model is GATEWAY_UNAVAILABLE without a gateway, and its backend is not called", async () => {
  let called = false;
  const { result } = await run(
    async () => {
      called = true;
      return DONE;
    },
    {},
    { model: true },
  );
  expect(result).toMatchObject({ failure: { code: "GATEWAY_UNAVAILABLE", details: { backend: "inline" } } });
  expect(called).toBe(false);
});

test.each<[string, string, Partial<TurnRequest>, (context: TurnContext) => Promise<TurnResult>]>([
  ["gives up", "GATEWAY_UNAVAILABLE", {}, async () => Promise.reject(new Error("stream disconnected"))],
  ["tries for ever", "GATEWAY_UNAVAILABLE", { timeoutMs: 300 }, hang],
  ["has a setting that is wrong", "INVALID_CONFIG", { config: { depth: "deep" } }, async () => DONE],
])("an agent that cannot reach the gateway and %s ends with %s", async (_, code, changes, after) => {
  const { result } = await run(
    async (context) => {
      await fetch(context.model?.baseUrl ?? "").catch(() => undefined);
      return await after(context);
    },
    { gateway: GATEWAY, ...changes },
    { model: true },
  );
  expect(result).toMatchObject({ status: "failed", failure: { code } });
  if (code === "GATEWAY_UNAVAILABLE") expect(result).toMatchObject({ failure: { details: { reason: "ENOENT", agentSaid: { code: expect.anything() } } } });
});

const SERVERS: TurnRequest["mcpServers"] = {
  tracker: { command: "tracker", args: ["--all"], env: { MODE: "fast" }, secrets: { TOKEN: "MCP_TRACKER" } },
  docs: { url: "https://mcp.example.org/", headers: {}, secretHeaders: { authorization: "MCP_DOCS" } },
};
const SECRETS = { KEY: "the-own-key", MCP_TRACKER: "tracker-secret", MCP_DOCS: "docs-secret" };

test("MCP servers come with their secrets in place, which are masked and are nowhere else", async () => {
  const { result, events } = await run(
    async ({ mcpServers, secrets, permissions, emit }) => {
      expect(secrets).toEqual({ KEY: "the-own-key" });
      expect(permissions).toBe("edits");
      emit({ kind: "message", data: { role: "agent", text: JSON.stringify(mcpServers) } });
      return DONE;
    },
    { mcpServers: SERVERS, secrets: SECRETS, permissions: "edits" },
    { mcp: true },
  );
  expect(result).toEqual(DONE);
  expect(JSON.parse((events[0] as Extract<AgentEvent, { kind: "message" }>).data.text)).toEqual([
    { name: "tracker", kind: "stdio", command: "tracker", args: ["--all"], env: { MODE: "fast", TOKEN: "***" } },
    { name: "docs", kind: "http", url: "https://mcp.example.org/", headers: { authorization: "***" } },
  ]);
});

test("MCP servers are refused where the backend starts none, and where a secret is not there", async () => {
  const turn = async (): Promise<TurnResult> => DONE;
  const without = await run(turn, { mcpServers: SERVERS, secrets: SECRETS });
  expect(without.result).toMatchObject({ failure: { code: "INVALID_CONFIG", details: { field: "mcpServers" } } });
  const lacking = await run(turn, { mcpServers: SERVERS, secrets: {} }, { mcp: true });
  expect(lacking.result).toMatchObject({ failure: { code: "SECRET_MISSING", details: { secret: "MCP_TRACKER" } } });
  expect((await run(async ({ mcpServers, permissions }) => ({ ...DONE, finalText: `${mcpServers} ${permissions}` }))).result).toMatchObject({
    finalText: "undefined undefined",
  });
});
