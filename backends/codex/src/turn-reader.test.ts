import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type AgentEvent, agentEventSchema } from "@slipway/protocol/events";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseServerMessage } from "./app-server/messages.ts";
import { begunTurn, openedThread } from "./codex-events.ts";
import { ThreadUsages } from "./thread-usages.ts";
import { TurnReader } from "./turn-reader.ts";

const RECORDED = join(import.meta.dirname, "recorded");
const THREAD = "01a21fb4-26f8-7db2-9f53-71f53dabe7f0";

/** Reads lines as a turn does; answers open the thread and begin the turn. */
function read(lines: readonly string[], turn = 1, usages = new ThreadUsages()) {
  const events: AgentEvent[] = [];
  const logs: Record<string, string> = {};
  usages.begin();
  const reader = new TurnReader({
    ...{ turn, workspace: "/workspace", usages },
    emit: (event) => void events.push(agentEventSchema.parse(event)),
    log(stream, bytes) {
      logs[stream] = (logs[stream] ?? "") + Buffer.from(bytes).toString();
    },
    onOver: () => undefined,
  });
  for (const line of lines) {
    const message = parseServerMessage(line);
    if (!message) reader.garbage(line);
    else if (message.kind === "notification") reader.take(message.method, message.params);
    else if (message.kind === "answer") {
      const [thread, begun] = [openedThread(message.result), begunTurn(message.result)];
      if (thread !== undefined) reader.follow(thread);
      if (begun !== undefined) reader.begin(begun);
    }
  }
  return { reader, events, logs, usage: usages.usage };
}

const recorded = async (name: string): Promise<string[]> => (await readFile(join(RECORDED, `${name}.jsonl`), "utf8")).split("\n").filter(Boolean);

/** What Codex 0.169.0 printed in real turns against the scripted model server. */
test.each(["turn", "refused-key"])("the recorded lines of %s are told as they always were", async (name) => {
  const { reader, events, logs, usage } = read(await recorded(name));
  const told = [...events, { logs, end: reader.end, finalText: reader.finalText, usage }];
  await expect(told.map((value) => `${JSON.stringify(value)}\n`).join("")).toMatchFileSnapshot(join(RECORDED, `${name}.told.jsonl`));
});

const OPENED = [JSON.stringify({ id: 1, result: { thread: { id: THREAD } } }), JSON.stringify({ id: 2, result: { turn: { id: "turn-1" } } })];
const notification = (method: string, params: object) => JSON.stringify({ method, params });
const item = (moment: string, fields: object, threadId = THREAD) =>
  notification(`item/${moment}`, { threadId, turnId: "turn-1", item: { id: "one", ...fields } });
const over = (status: string, error: object | null = null) => notification("turn/completed", { threadId: THREAD, turn: { id: "turn-1", status, error } });

test("a running command's output goes to the log as it grows, and once", () => {
  const command = { type: "commandExecution", command: "make", status: "inProgress" };
  const { events, logs } = read([
    ...OPENED,
    item("started", { ...command, aggregatedOutput: null }),
    notification("item/commandExecution/outputDelta", { threadId: THREAD, turnId: "turn-1", itemId: "one", delta: "one\n" }),
    item("completed", { ...command, aggregatedOutput: "one\ntwo\n", exitCode: 0, status: "completed" }),
  ]);
  expect(logs).toEqual({ shell: "one\ntwo\n" });
  expect(events).toEqual([
    { kind: "tool-call", data: { callId: "turn-1-one", name: "shell", input: { command: "make" } } },
    { kind: "tool-result", data: { callId: "turn-1-one", output: "exit 0\none\ntwo\n", isError: false } },
  ]);
});

test("tools of MCP servers, searches, pictures and agents of the agent's own are told; of those agents the tools, and not the words", () => {
  const call = { type: "mcpToolCall", server: "docs", tool: "find", arguments: { q: "x" } };
  const { events, reader } = read(
    [
      ...OPENED,
      item("completed", { ...call, result: { content: [] }, error: null, status: "completed" }),
      item("completed", { ...call, id: "two", result: null, error: { message: "no such page" }, status: "failed" }),
      item("completed", { type: "webSearch", id: "three", query: "slipways" }),
      item("completed", { type: "imageView", id: "four", path: "/workspace/a.png" }),
      item("completed", {
        ...{ type: "collabAgentToolCall", id: "five", tool: "spawnAgent", prompt: "Look around." },
        agentsStates: { x: { status: "completed", message: "Nothing." } },
      }),
      item("completed", { type: "agentMessage", id: "six", text: "I look around." }, "another-thread"),
      item("completed", { type: "commandExecution", id: "seven", command: "ls", exitCode: 0 }, "another-thread"),
      item("completed", { type: "agentMessage", id: "eight", text: "Done." }),
    ],
    2,
  );
  expect(reader.finalText).toBe("Done.");
  expect(events.map(({ kind, data }) => [kind, data])).toEqual([
    ["tool-call", { callId: "turn-2-one", name: "docs.find", input: { q: "x" } }],
    ["tool-result", { callId: "turn-2-one", output: '{"content":[]}', isError: false }],
    ["tool-call", { callId: "turn-2-two", name: "docs.find", input: { q: "x" } }],
    ["tool-result", { callId: "turn-2-two", output: "no such page", isError: true }],
    ["tool-call", { callId: "turn-2-three", name: "web_search", input: { query: "slipways" } }],
    ["tool-result", { callId: "turn-2-three", output: "", isError: false }],
    ["tool-call", { callId: "turn-2-four", name: "view_image", input: { path: "/workspace/a.png" } }],
    ["tool-result", { callId: "turn-2-four", output: "", isError: false }],
    ["tool-call", { callId: "turn-2-five", name: "spawnAgent", input: { prompt: "Look around." } }],
    ["tool-result", { callId: "turn-2-five", output: "completed: Nothing.", isError: false }],
    ["tool-call", { callId: "turn-2-seven", name: "shell", input: { command: "ls" } }],
    ["tool-result", { callId: "turn-2-seven", output: "exit 0\n", isError: false }],
    ["message", { role: "agent", text: "Done." }],
  ]);
});

test("what is not known is told of once a kind, and does no harm; what is known and tells nothing is not", () => {
  const { reader, events } = read([
    ...OPENED,
    notification("ship/launched", {}),
    notification("ship/launched", {}),
    item("completed", { type: "hologram" }),
    item("completed", { type: "toString" }),
    item("completed", { type: "agentMessage", text: 7 }),
    notification("item/completed", {}),
    notification("thread/tokenUsage/updated", { threadId: THREAD }),
    notification("thread/name/updated", { threadId: THREAD }),
    item("completed", { type: "contextCompaction" }),
    notification("configWarning", { summary: "Codex could not find bubblewrap on PATH. Codex will use the bundled bubblewrap in the meantime." }),
    notification("turn/completed", { turn: { id: "another", status: "completed" } }),
    over("completed"),
    notification("ship/sunk", {}),
  ]);
  const texts = events.map((event) => (event.kind === "notice" ? event.data.text : event.kind));
  expect(texts.map((text) => /know: (.*)\.$/.exec(text)?.[1])).toEqual([
    "ship/launched",
    "item hologram",
    "item toString",
    "item agentMessage",
    "item",
    "thread/tokenUsage/updated",
  ]);
  expect(reader).toMatchObject({ end: { status: "completed", error: undefined }, finalText: "" });
});

test("a turn that failed without a reason that can be read has failed all the same", () => {
  expect(read([...OPENED, over("failed", { reason: 1 })]).reader.end).toEqual({ status: "failed", error: undefined });
});

test("usage is what the threads have grown by in this turn: what an earlier process counted is not, agents of the agent are", () => {
  const usages = new ThreadUsages();
  const total = (threadId: string, turnId: string, inputTokens: number) =>
    notification("thread/tokenUsage/updated", { threadId, turnId, tokenUsage: { total: { inputTokens, outputTokens: 1 } } });
  const first = read([...OPENED, total(THREAD, "before", 100), total(THREAD, "turn-1", 300), total("another", "of-its-own", 50)], 2, usages);
  expect(first.usage).toEqual({ inputTokens: 250, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0, costUsd: 0 });
  expect(read([...OPENED, total(THREAD, "turn-1", 310)], 3, usages).usage).toMatchObject({ inputTokens: 10, outputTokens: 0 });
  expect(read(OPENED, 4, usages).usage).toBeUndefined();
});

test("whatever Codex prints, a turn's reader throws nothing and tells events alone: cut lines, noise between them, unknown fields, control characters", async () => {
  const lines = [...(await recorded("turn")), ...(await recorded("refused-key"))];
  const cut = fc
    .tuple(fc.constantFrom(...lines), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([line, share]) => line.slice(0, Math.ceil(line.length * share)));
  const methods = lines.flatMap((line) => (JSON.parse(line) as { method?: string }).method ?? []);
  const odd = fc.record({ method: fc.constantFrom(...methods, "x"), params: fc.jsonValue() }).map((message) => JSON.stringify(message));
  const oddItem = fc.record({
    type: fc.constantFrom("agentMessage", "commandExecution", "fileChange", "mcpToolCall"),
    id: fc.string(),
    text: fc.string({ unit: "binary" }),
    command: fc.jsonValue(),
    changes: fc.jsonValue(),
  });
  const items = oddItem.map((fields) => item("completed", fields));
  const line = fc.oneof(
    fc.constantFrom(...lines),
    cut,
    odd,
    items,
    fc.string({ unit: "binary" }),
    fc.constantFrom("\u0000\u001b[31m", "ERROR codex_core: noise", "null", "[]"),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), (noise) => {
      read([...OPENED, ...noise.flatMap((text) => text.split("\n")).filter((text) => text.trim() !== "")]);
    }),
    { numRuns: 300 },
  );
});
