import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type AgentEvent, agentEventSchema } from "@slipway/protocol/events";
import { expect, test } from "vitest";
import { NO_USAGE } from "./session.ts";
import { TurnReader, usageSince } from "./turn-reader.ts";

const RECORDED = join(import.meta.dirname, "recorded");

function read(lines: string | string[], turn = 1) {
  const events: AgentEvent[] = [];
  const logs: Record<string, string> = {};
  const reader = new TurnReader({
    turn,
    workspace: "/workspace",
    emit: (event) => void events.push(agentEventSchema.parse(event)),
    log(stream, bytes) {
      logs[stream] = (logs[stream] ?? "") + Buffer.from(bytes).toString();
    },
    onThread: () => undefined,
    onFinal: () => undefined,
  });
  reader.push(Buffer.from(typeof lines === "string" ? lines : lines.map((line) => `${line}\n`).join("")));
  reader.end();
  return { reader, events, logs };
}

/** What Codex 0.169.0 printed in real turns against the scripted model server. */
test.each(["turn", "resumed-turn", "refused-key"])("the recorded lines of %s are told as they always were", async (name) => {
  const { reader, events, logs } = read(await readFile(join(RECORDED, `${name}.jsonl`), "utf8"));
  const told = [...events, { logs, final: reader.final, threadId: reader.threadId, lastError: reader.lastError }];
  await expect(told.map((value) => `${JSON.stringify(value)}\n`).join("")).toMatchFileSnapshot(join(RECORDED, `${name}.told.jsonl`));
});

const item = (moment: string, fields: object) => JSON.stringify({ type: `item.${moment}`, item: { id: "item_0", ...fields } });

test("a running command's output goes to the log as it grows", () => {
  const command = { type: "command_execution", command: "make", status: "in_progress" };
  const { events, logs } = read([
    item("started", { ...command, aggregated_output: "" }),
    item("updated", { ...command, aggregated_output: "one\n" }),
    item("completed", { ...command, aggregated_output: "one\ntwo\n", exit_code: 0, status: "completed" }),
  ]);
  expect(logs).toEqual({ shell: "one\ntwo\n" });
  expect(events).toEqual([
    { kind: "tool-call", data: { callId: "turn-1-item_0", name: "shell", input: { command: "make" } } },
    { kind: "tool-result", data: { callId: "turn-1-item_0", output: "exit 0\none\ntwo\n", isError: false } },
  ]);
});

test("a tool of an MCP server and a web search are told; one that was never started too", () => {
  const call = { type: "mcp_tool_call", server: "docs", tool: "find", arguments: { q: "x" } };
  const { events } = read(
    [
      item("completed", { ...call, result: { content: [] }, error: null, status: "completed" }),
      item("completed", { ...call, id: "item_1", result: null, error: { message: "no such page" }, status: "failed" }),
      item("completed", { type: "web_search", id: "item_2", query: "slipways" }),
    ],
    2,
  );
  expect(events).toEqual([
    { kind: "tool-call", data: { callId: "turn-2-item_0", name: "docs.find", input: { q: "x" } } },
    { kind: "tool-result", data: { callId: "turn-2-item_0", output: '{"content":[]}', isError: false } },
    { kind: "tool-call", data: { callId: "turn-2-item_1", name: "docs.find", input: { q: "x" } } },
    { kind: "tool-result", data: { callId: "turn-2-item_1", output: "no such page", isError: true } },
    { kind: "tool-call", data: { callId: "turn-2-item_2", name: "web_search", input: { query: "slipways" } } },
    { kind: "tool-result", data: { callId: "turn-2-item_2", output: "", isError: false } },
  ]);
});

test("what is not known is told of once a kind, and does no harm", () => {
  const { reader, events } = read([
    '{"type":"thread.archived"}',
    '{"type":"thread.archived"}',
    item("completed", { type: "hologram" }),
    item("completed", { type: "toString" }),
    item("completed", { type: "agent_message", text: 7 }),
    '{"type":"item.completed"}',
    '{"type":"thread.started","thread_id":"--last"}',
    '{"type":"turn.completed"}',
  ]);
  const texts = events.map((event) => (event.kind === "notice" ? event.data.text : event.kind));
  expect(texts.map((text) => /know: (.*)\.$/.exec(text)?.[1])).toEqual([
    "thread.archived",
    "item hologram",
    "item toString",
    "item agent_message",
    "item",
    "thread.started",
  ]);
  expect(reader).toMatchObject({ final: { kind: "completed", finalText: "", usage: undefined }, threadId: undefined });
});

test("lines that are no events go to the log, with one notice; an endless line fills no memory", () => {
  const { reader, events, logs } = read([
    "warning: careful",
    "[1, 2]",
    "null",
    `"${"x".repeat(17 * 1024 * 1024)}"`,
    '{"type":"turn.failed","error":{}}',
    "later",
  ]);
  expect(logs).toEqual({ stdout: "warning: careful\n[1, 2]\nnull\n" });
  expect(events.map((event) => event.kind === "notice" && event.data.text)).toEqual([
    "Codex printed something that is no event; it is in the log.",
    "Codex printed a line of more than 16777216 bytes, which is left out.",
  ]);
  expect(reader).toMatchObject({ isGarbled: true, final: { kind: "failed", message: "it did not say why" } });
});

test("usage is what the thread has grown by, and never negative", () => {
  const before = { ...NO_USAGE, input_tokens: 100, output_tokens: 50 };
  const total = { input_tokens: 300, cached_input_tokens: 20, output_tokens: 40, reasoning_output_tokens: 5 };
  expect(usageSince(before, total)).toEqual({ inputTokens: 200, cachedInputTokens: 20, outputTokens: 0, reasoningTokens: 5, costUsd: 0 });
});
