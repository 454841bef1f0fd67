import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type AgentEvent, agentEventSchema } from "@slipway/protocol/events";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TurnReader } from "./turn-reader.ts";

const RECORDED = join(import.meta.dirname, "recorded");
const SESSION = "d9d71365-8344-4cd5-b97d-5ccf9ca76d5d";

function read(chunks: ReadonlyArray<Buffer | string>, goesOn: () => boolean = () => false) {
  const events: AgentEvent[] = [];
  const logs: Record<string, string> = {};
  const pauses: Array<number | null> = [];
  const servers: Array<Readonly<Record<string, string>>> = [];
  const claims: Array<string | undefined> = [];
  let heard = 0;
  const reader = new TurnReader({
    workspace: "/workspace",
    emit: (event) => void events.push(agentEventSchema.parse(event)),
    log(stream, bytes) {
      logs[stream] = (logs[stream] ?? "") + Buffer.from(bytes).toString();
    },
    onSession: () => undefined,
    onLife: (pauseMs) => void pauses.push(pauseMs),
    onHeard() {
      heard += 1;
    },
    goesOn,
    onResult: () => undefined,
    onServers: (failed) => void servers.push(failed),
    onClaim: (refused) => void claims.push(refused),
  });
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  reader.end();
  return { reader, events, logs, pauses, servers, claims, heard };
}

const lines = (...values: Array<object | string>) => values.map((value) => `${typeof value === "string" ? value : JSON.stringify(value)}\n`);
const INIT = { type: "system", subtype: "init", session_id: SESSION };
const said = (...content: object[]) => ({ type: "assistant", message: { content } });
const use = (id: string, name: string, input: unknown = {}) => ({ type: "tool_use", id, name, input });
const came = (id: string, content: unknown, more: object = {}, result?: unknown) => ({
  type: "user",
  message: { content: [{ type: "tool_result", tool_use_id: id, content, ...more }] },
  tool_use_result: result,
});
const RESULT = { type: "result", subtype: "success", is_error: false, num_turns: 1, result: "Done.", usage: { input_tokens: 5, output_tokens: 2 } };

/** What Claude Code 2.1.329 printed in real turns against the scripted model server. */
test.each(["turn", "refused-key"])("the recorded lines of %s are told as they always were, however they come in chunks", async (name) => {
  const text = await readFile(join(RECORDED, `${name}.jsonl`));
  const { reader, events, logs } = read([text]);
  const told = [...events, { logs, result: reader.result, sessionId: reader.sessionId }];
  await expect(told.map((value) => `${JSON.stringify(value)}\n`).join("")).toMatchFileSnapshot(join(RECORDED, `${name}.told.jsonl`));
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), text.length];
      expect(read(places.slice(1).map((place, index) => text.subarray(places[index], place))).events).toEqual(events);
    }),
    { numRuns: 20 },
  );
});

test("the answer to the request for MCP servers says which did not start, and why", () => {
  const answer = (response: object) => ({ type: "control_response", response: { subtype: "success", request_id: "mcp-servers", ...response } });
  const { servers, events } = read(
    lines(
      answer({ response: { added: ["tides"], errors: {} } }),
      answer({ response: { added: ["tides"], errors: { tides: "spawn tides ENOENT" } } }),
      answer({ subtype: "error", error: "no such request" }),
      answer({ request_id: "interrupt-1" }),
    ),
  );
  expect(servers).toEqual([{}, { tides: "spawn tides ENOENT" }, { "": "no such request" }]);
  expect(events).toEqual([]);
  expect(read(lines({ type: "control_response", response: "odd" })).events).toMatchObject([
    { kind: "notice", data: { text: expect.stringContaining("control_response") } },
  ]);
});

describe("silence", () => {
  test("is expected while a tool is at work, and for as long as a retry waits; not before the turn has begun", () => {
    const retry = { type: "system", subtype: "api_retry", attempt: 1, max_retries: 2, retry_delay_ms: 750, error_status: 529, error: "overloaded" };
    const piece = '{"type":"stream_event","event":{"type":"content_block_delta"}}';
    const { pauses, events } = read(
      lines({ type: "system", subtype: "status" }, INIT, piece, retry, said(use("1", "Bash"), use("2", "Read")), came("1", "ok"), came("2", "ok"), piece),
    );
    expect(pauses).toEqual([0, 0, 750, null, null, 0, 0]);
    expect(events[0]).toEqual({
      kind: "notice",
      data: { level: "warning", text: "The model's answer failed (529 overloaded); Claude Code asks again in 750 ms (1 of 2)." },
    });
  });
});

test("a subagent's tools are told, its words are not; results of several tools in one line, and such as are no text", () => {
  const image = [
    { type: "text", text: "see" },
    { type: "image", source: {} },
  ];
  const { events } = read(
    lines(
      INIT,
      said(use("1", "Agent", { prompt: "look" })),
      { ...said({ type: "text", text: "inner" }, use("2", "Read")), parent_tool_use_id: "1" },
      { type: "user", message: { content: [...came("2", image).message.content, ...came("1", null, { is_error: true }).message.content] } },
    ),
  );
  expect(events).toEqual([
    { kind: "tool-call", data: { callId: "1", name: "Agent", input: { prompt: "look" } } },
    { kind: "tool-call", data: { callId: "2", name: "Read", input: {} } },
    { kind: "tool-result", data: { callId: "2", output: "see\n(image)", isError: false } },
    { kind: "tool-result", data: { callId: "1", output: "", isError: true } },
  ]);
});

test("tools that were refused are told of, and what comes after the end is of no turn", () => {
  const { events, reader } = read(
    lines(INIT, { ...RESULT, permission_denials: [{ tool_name: "Bash" }, { tool_name: "Bash" }] }, said({ type: "text", text: "late" })),
  );
  expect(events).toEqual([
    { kind: "usage", data: { inputTokens: 5, cachedInputTokens: 0, outputTokens: 2, reasoningTokens: 0, costUsd: 0 } },
    { kind: "notice", data: { level: "warning", text: "Claude Code itself refused 2 calls of tools: Bash." } },
  ]);
  expect(reader.result?.result).toBe("Done.");
});

test("what is not known is told of once a kind, and does no harm", () => {
  const { events, reader } = read(
    lines(
      { type: "hologram" },
      { type: "hologram" },
      { type: "system", subtype: "of_tomorrow" },
      { type: "system", subtype: "init", session_id: "--resume" },
      { type: "assistant", message: 7 },
      { type: "user", message: { content: "text only" } },
      said({ type: "text", text: 7 }),
      said({ type: "redacted_thinking", data: "x" }),
      { type: "result", subtype: 7 },
    ),
  );
  const texts = events.map((event) => (event.kind === "notice" ? (/know: (.*)\.$/.exec(event.data.text)?.[1] ?? event.data.text) : event.kind));
  expect(texts).toEqual(["hologram", "system init", "assistant"]);
  expect(reader).toMatchObject({ sessionId: undefined, result: { is_error: true, errors: ["its result has a form that is not known"] } });
});

test("lines that are no events go to the log, with one notice; an endless line fills no memory", () => {
  const huge = Buffer.alloc(33 * 1024 * 1024, "x");
  const large = JSON.stringify(said({ type: "text", text: "y".repeat(10 * 1024 * 1024) }));
  const { events, logs, reader } = read([
    ...lines(INIT, "warning: \u001b[31mcareful\u0000", "[1, 2]", '{"type":"assistant","mess'),
    huge,
    "\n",
    `${large}\n`,
    ...lines(RESULT),
  ]);
  expect(logs).toEqual({ stdout: 'warning: \u001b[31mcareful\u0000\n[1, 2]\n{"type":"assistant","mess\n' });
  expect(events.map((event) => (event.kind === "notice" ? event.data.text : event.kind))).toEqual([
    "Claude Code printed something that is no event; it is in the log.",
    expect.stringContaining("a line of more than"),
    "message",
    "usage",
  ]);
  expect(reader.result?.subtype).toBe("success");
});

test("a result is not the end while something has not been heard, and a failure always is", () => {
  const said = { type: "user", message: { role: "user", content: [{ type: "text", text: "Also this." }] }, isReplay: true };
  const result = (text: string, more: object = {}) => ({ type: "result", subtype: "success", is_error: false, result: text, num_turns: 1, ...more });
  const answers = [true, false];
  const { reader, heard } = read(lines(result("Done."), said, result("Both done.")), () => answers.shift() ?? false);
  expect([reader.result?.result, heard]).toEqual(["Both done.", 1]);
  expect(read(lines(result("no", { is_error: true }), result("later")), () => true).reader.result?.result).toBe("no");
});

test("whether a process that was started ahead is the turn's is known from the answer to its claim", () => {
  const answer = (response: object) => `${JSON.stringify({ type: "control_response", response: { request_id: "claim", ...response } })}\n`;
  const { claims, servers } = read([
    answer({ subtype: "success", response: { status: "ok", cwd: "/workspace" } }),
    answer({ subtype: "error", error: "not_a_spare" }),
  ]);
  expect([claims, servers]).toEqual([[undefined, "not_a_spare"], []]);
});
