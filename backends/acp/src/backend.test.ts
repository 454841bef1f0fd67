import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import { conformanceCases } from "@slipway/backend-sdk/conformance";
import { createTestBench, type TestBench, type TurnOptions, type TurnRecord } from "@slipway/backend-sdk/test-kit";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { acpAgents, acpBackend } from "./profiles/acp.ts";

/** What real agents do not do on demand, by an agent of the SDK's own side over real pipes; `tests/agents/acp` drives the real ones. */

const model = { baseUrl: "http://127.0.0.1:9", token: "token-of-this-test" };
const FAKE = join(import.meta.dirname, "fake-agent.ts");
const configOf = (how = "new", more: object = {}) => ({
  command: process.execPath,
  args: [FAKE, how],
  env: { FAKE_MODEL_URL: "{modelUrl}", FAKE_KEY: "{key}" },
  ...more,
});

afterEach(() => acpAgents.endAll());

async function run(bench: TestBench, orders: object, options: Partial<TurnOptions> & { how?: string; more?: object } = {}): Promise<TurnRecord> {
  const { how, more, ...rest } = options;
  return await bench.runTurn(acpBackend, { config: configOf(how, more), model, prompt: JSON.stringify(orders), ...rest });
}
const outcomeOf = ({ result }: TurnRecord): string => (result.status === "done" ? "done" : result.failure.code);
const text = (words: string) => ({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: words } });
const messages = (record: TurnRecord) => record.events.flatMap((event) => (event.kind === "message" ? [event.data.text] : []));
const notices = (record: TurnRecord) => record.events.flatMap((event) => (event.kind === "notice" ? [event.data.text] : []));

test("messages, thoughts, calls, changes and plans are told", async () => {
  await using bench = await createTestBench();
  const file = join(bench.workspace, "a.txt");
  const updates = [
    { sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "Hm." } },
    text("I "),
    text("see."),
    { sessionUpdate: "plan", entries: [{ content: "look", priority: "high", status: "in_progress" }] },
    { sessionUpdate: "tool_call", toolCallId: "c1", title: "write_file", kind: "edit", status: "pending", rawInput: {} },
    { sessionUpdate: "tool_call_update", toolCallId: "c1", title: "Write a.txt", status: "in_progress", rawInput: { path: "a.txt" } },
    { sessionUpdate: "tool_call_update", toolCallId: "c1", status: "completed", content: [{ type: "diff", path: file, oldText: null, newText: "x" }] },
    { sessionUpdate: "tool_call", toolCallId: "c2", title: "run", kind: "execute", status: "completed", rawInput: { c: 1 }, rawOutput: { exitCode: 2 } },
    { sessionUpdate: "usage_update", used: 1, size: 2 },
    text("Done."),
  ];
  const record = await run(bench, { updates });
  expect(record.result).toEqual({ status: "done", finalText: "Done." });
  expect(record.events).toEqual([
    { kind: "message", data: { role: "reasoning", text: "Hm." } },
    { kind: "plan", data: { items: [{ text: "look", status: "active" }] } },
    { kind: "message", data: { role: "agent", text: "I see." } },
    { kind: "tool-call", data: { callId: "turn-1-c1", name: "write_file", input: { path: "a.txt" } } },
    { kind: "file-change", data: { callId: "turn-1-c1", path: "a.txt", change: "added" } },
    { kind: "tool-result", data: { callId: "turn-1-c1", output: `add ${file}`, isError: false } },
    { kind: "tool-call", data: { callId: "turn-1-c2", name: "run", input: { c: 1 } } },
    { kind: "tool-result", data: { callId: "turn-1-c2", output: '{"exitCode":2}', isError: true } },
    { kind: "message", data: { role: "agent", text: "Done." } },
  ]);
});

test("images go with the first prompt of a conversation alone, and an agent that does not say that it takes any is IMAGES_NOT_TAKEN", async () => {
  await using bench = await createTestBench();
  const file = async (name: string, content: string) => {
    await writeFile(join(bench.home, name), content);
    return { path: join(bench.home, name), name, type: "image/png" as const };
  };
  const images = [await file("1.png", "one"), await file("2.png", "two")];
  const tell = { tellImages: true };
  const both = ["image/png b25l\nimage/png dHdv"];
  expect(messages(await run(bench, tell, { images }))).toEqual(both);
  // The process of the first turn, which has them.
  expect(messages(await run(bench, tell, { images, turn: 2 }))).toEqual([]);
  // Its session is lost: what begins anew has to see them again.
  await using other = await createTestBench();
  expect(messages(await run(other, tell, { images, turn: 2 }))).toEqual(both);
  const { result } = await run(bench, tell, { images, how: "blind" });
  expect(result).toMatchObject({ status: "failed", failure: { code: "IMAGES_NOT_TAKEN", details: { field: "images", backend: "acp" } } });
  expect(outcomeOf(await run(bench, {}, { how: "blind" }))).toBe("done");
  await expect(run(bench, tell, { images: [{ path: join(bench.home, "none.png"), name: "none.png", type: "image/png" }] })).resolves.toMatchObject({
    result: { failure: { message: expect.stringContaining("none.png") } },
  });
});

test("the output of a command that comes in pieces is told whole, and in the log", async () => {
  await using bench = await createTestBench();
  const piece = (data: unknown) => ({ sessionUpdate: "tool_call_update", toolCallId: "c1", _meta: { terminal_output_delta: { data } } });
  const updates = [
    { sessionUpdate: "tool_call", toolCallId: "c1", name: "run", kind: "execute", status: "in_progress", rawInput: { c: 1 } },
    ...[piece("one\n"), piece(7), piece("two\n")],
    { ...piece("three\n"), status: "failed" },
  ];
  const record = await run(bench, { updates });
  expect(record.events.at(-1)).toEqual({ kind: "tool-result", data: { callId: "turn-1-c1", output: "one\ntwo\nthree\n", isError: true } });
  expect(record.logs.get("shell")).toBe("one\ntwo\nthree\n\n");
});

test.each([
  ["allow", "execute", "allow_once"],
  ["edits", "execute", "reject_once"],
  ["edits", "edit", "allow_once"],
  ["deny", "edit", "reject_once"],
] as const)("leave by the policy %s for %s is %s, and what was asked for is told", async (permissions, askFor, answer) => {
  await using bench = await createTestBench();
  const byConfig = await run(bench, { askFor }, { more: { permissions } });
  const byJob = await run(bench, { askFor }, { permissions });
  const byBoth = await run(bench, { askFor }, { permissions, more: { permissions: "allow" } });
  for (const record of [byConfig, byJob, byBoth]) {
    expect(messages(record)).toEqual([answer]);
    expect(record.events[0]).toMatchObject({ kind: "tool-call", data: { input: { path: "a.txt" } } });
    const told = answer.startsWith("allow") ? "allowed" : "denied";
    expect(record.events[1]).toMatchObject({ kind: "permission", data: { asked: askFor, answer: told, policy: permissions, callId: expect.any(String) } });
  }
});

test.each([
  [{ stopReason: "refusal" }, "MODEL_REFUSED"],
  [{ stopReason: "max_tokens" }, "CONTEXT_TOO_LONG"],
  [{ stopReason: "max_turn_requests" }, "AGENT_STEP_LIMIT"],
  [{ stopReason: "cancelled" }, "BACKEND_FAILED"],
  [{ stopReason: "bored" }, "BACKEND_OUTPUT_INVALID"],
  [{ error: { code: -32000, message: "Log in first" } }, "BACKEND_AUTH"],
  [{ error: { code: -32603, message: "no", data: "BUDGET_EXCEEDED: nothing is left" } }, "BUDGET_EXCEEDED"],
  [{ error: { code: -32603, message: "429 Too Many Requests" } }, "BACKEND_RATE_LIMITED"],
  [{ error: { code: -32603, message: "who knows" } }, "BACKEND_FAILED"],
  [{ exit: 0, stderr: "out of ideas" }, "BACKEND_FAILED"],
  // Called done by the agent, while no call of its model was answered.
  [{ modelCalls: 1 }, "GATEWAY_UNAVAILABLE"],
  // An agent that would go on for ever.
  [{ modelCalls: 1_000 }, "GATEWAY_UNAVAILABLE"],
] as const)("%j ends the turn with %s", async (orders, code) => {
  await using bench = await createTestBench();
  const record = await run(bench, orders);
  expect(outcomeOf(record)).toBe(code);
  expect(record.lateCount()).toBe(0);
});

test("what stands between the messages is logged and told of once; a line of ten megabytes comes through", async () => {
  await using bench = await createTestBench();
  const record = await run(bench, {
    raw: ["no JSON", '{"jsonrpc":"2.0","method":"session/upd', "[]"],
    flood: 10_000_000,
    updates: [{ sessionUpdate: "of another time" }, { sessionUpdate: "of another time" }, { sessionUpdate: "tool_call" }],
    stderr: "a \u0007 warning\n",
  });
  expect(outcomeOf(record)).toBe("done");
  for (const words of ["of another time", "tool_call", "is no message"]) expect(notices(record).filter((notice) => notice.includes(words))).toHaveLength(1);
  expect(record.logs.get("stdout")).toBe('no JSON\n{"jsonrpc":"2.0","method":"session/upd\n[]\n');
  expect(record.logs.get("stderr")).toContain("\u0007");
  expect(messages(record)[0]).toMatch(/^x+… \(9900000 characters cut\)$/);
});

describe("a second turn", () => {
  test("goes on in the same process", async () => {
    await using bench = await createTestBench();
    await run(bench, { updates: [text("One.")] });
    const second = await run(bench, { updates: [text("Two.")] }, { turn: 2 });
    expect([second.result, notices(second)]).toEqual([{ status: "done", finalText: "Two." }, []]);
    expect(second.durationMs).toBeLessThan(200);
  });

  test.each(["resume", "load"])("goes on with the session of a process that is gone, by %s", async (how) => {
    await using bench = await createTestBench();
    await run(bench, { updates: [text("One.")] }, { how });
    await acpAgents.endAll();
    const second = await run(bench, { updates: [text("Two.")] }, { how, turn: 2 });
    expect([messages(second), notices(second)]).toEqual([["Two."], []]);
  });

  test("begins anew where it cannot, with what the first was about", async () => {
    await using bench = await createTestBench();
    await run(bench, { updates: [text("One.")] });
    await acpAgents.endAll();
    // The orders are the last thing in the prompt; what stands before them has braces too.
    const second = await run(bench, { hang: false }, { turn: 2 });
    expect(notices(second)).toEqual([expect.stringContaining("a new one begins, with what the earlier turns were about")]);
  });
});

test("a cancel ends an agent that hears it, and one that says nothing at all", async () => {
  await using bench = await createTestBench();
  for (const how of ["new", "mute"]) {
    const cancel = new AbortController();
    const turn = run(
      bench,
      { updates: [{ sessionUpdate: "plan", entries: [{ content: "wait", status: "pending" }] }], hang: true },
      { how, signal: cancel.signal, onEvent: () => cancel.abort() },
    );
    if (how === "mute") setTimeout(() => cancel.abort(), 300);
    expect(outcomeOf(await turn)).toBe("CANCELLED");
  }
});

test("whatever an agent says of its work, a turn ends done and its events are sound", async () => {
  await using bench = await createTestBench();
  const kinds = fc.constantFrom("agent_message_chunk", "tool_call", "tool_call_update", "plan", "notice", "odd");
  const update = fc.record({
    sessionUpdate: kinds,
    toolCallId: fc.anything(),
    content: fc.anything(),
    entries: fc.anything(),
    status: fc.anything(),
    rawInput: fc.anything(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(update, { maxLength: 20 }), async (updates) => {
      const lines = updates.map((each) => JSON.stringify({ jsonrpc: "2.0", method: "session/update", params: { sessionId: "s", update: each } }));
      const record = await run(bench, { raw: lines }, { turn: 2 });
      expect(outcomeOf(record)).toBe("done");
    }),
    { numRuns: 30 },
  );
}, 30_000);

const turns = {
  ok: { config: configOf(), prompt: JSON.stringify({ updates: [text("Done."), { sessionUpdate: "plan", entries: [] }] }), model },
  endless: { config: configOf(), prompt: JSON.stringify({ hang: true }), model },
  failing: { config: configOf(), prompt: JSON.stringify({ stopReason: "refusal" }), model, code: "MODEL_REFUSED" },
  wrongConfigs: [
    { config: { args: [] }, field: "command" },
    { config: { command: "x", args: ["--key={key}"] }, field: "args[0]" },
    { config: { command: "x", files: { "../up": "" } }, field: "files.../up" },
    { config: { command: "x", modelPath: "v1" }, field: "modelPath" },
  ],
};
// Usage comes from the model's answers, and this agent has no model.
const definition = { ...acpBackend, capabilities: { ...acpBackend.capabilities, usage: false } } as unknown as BackendDefinition;
describe("the contract", () => {
  for (const { name, run: check } of conformanceCases(definition, turns)) test(name, check);
});

test("MCP servers by an address are refused where the agent takes programs alone", async () => {
  await using bench = await createTestBench();
  const mcpServers = [{ name: "docs", kind: "http", url: "https://mcp.example.org/", headers: { authorization: "secret" } }] as const;
  const { result } = await run(bench, {}, { mcpServers });
  expect(result).toMatchObject({ failure: { code: "MCP_SERVER_FAILED", details: { field: "mcpServers.docs" } } });
  expect(JSON.stringify(result)).not.toContain("secret");
});
