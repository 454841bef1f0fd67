import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { claudeCodeBackend } from "@slipway/backend-claude-code/backend";
import { residents } from "@slipway/backend-claude-code/claude-process";
import type { TurnRecord } from "@slipway/backend-sdk/test-kit";
import { expect, test } from "vitest";
import { eventsOf, named, outcomeOf } from "../matrix/outcome.ts";
import { openBench } from "./bench.ts";

/** What the matrix does not ask of every agent. */

test("files that tools change, a plan and two calls at once are told", { timeout: 60_000 }, async () => {
  await using bench = await openBench(named("text"));
  const file = join(bench.workspace, "new.txt");
  const todos = [
    { content: "look", status: "completed", activeForm: "Looking" },
    { content: "edit", status: "in_progress", activeForm: "Editing" },
    { content: "test", status: "pending", activeForm: "Testing" },
  ];
  const steps = [
    { calls: [{ tool: "TodoWrite", input: { todos } }] },
    { calls: [{ tool: "Write", input: { file_path: file, content: "one\n" } }] },
    { calls: [{ tool: "Edit", input: { file_path: file, old_string: "one", new_string: "two" } }] },
    { shell: ["printf first", "printf second; exit 3"] },
    { text: "Done." },
  ];
  bench.server.play({ turns: [{ steps }] });
  const record = await bench.run();
  expect(outcomeOf(record), JSON.stringify(record.result)).toBe("done");
  expect(eventsOf(record, "plan")).toEqual([
    {
      items: [
        { text: "look", status: "done" },
        { text: "edit", status: "active" },
        { text: "test", status: "open" },
      ],
    },
  ]);
  expect(eventsOf(record, "file-change").map(({ path, change }) => [path, change])).toEqual([
    ["new.txt", "added"],
    ["new.txt", "modified"],
  ]);
  expect(eventsOf(record, "tool-call").map(({ name }) => name)).toEqual(["TodoWrite", "Write", "Edit", "Bash", "Bash"]);
  expect(
    eventsOf(record, "tool-result")
      .slice(-2)
      .map(({ output, isError }) => [output, isError])
      .sort(),
  ).toEqual([
    ["Exit code 3\nsecond", true],
    ["first", false],
  ]);
  expect(record.logs.get("shell")).toContain("first\n");
  expect(eventsOf(record, "usage")).toMatchObject([{ inputTokens: 5_000, reasoningTokens: 50 }]);
});

const hooks = (name: string) => ({
  SessionStart: [{ hooks: [{ type: "command", command: `touch ${name}-start` }] }],
  PreToolUse: [{ matcher: "*", hooks: [{ type: "command", command: `touch ${name}-tool` }] }],
  UserPromptSubmit: [{ hooks: [{ type: "command", command: `touch ${name}-prompt` }] }],
});
const settings = (name: string) => JSON.stringify({ hooks: hooks(name), env: { PLANTED: name }, apiKeyHelper: `touch ${name}-helper; echo x` });
const skill = "---\nname: planted\ndescription: a stowaway skill\n---\nx";
const server = (name: string) => JSON.stringify({ mcpServers: { planted: { command: "touch", args: [`${name}-server`] } } });
/** What would have Claude Code do something, in the workspace or the home. */
const planted = (name: string): Record<string, string> => ({
  ".claude/settings.json": settings(name),
  ".claude/settings.local.json": settings(`${name}-local`),
  ".claude/skills/planted/SKILL.md": skill,
  ".claude/agents/planted.md": "---\nname: planted\ndescription: a stowaway agent\n---\nx",
  ".claude/commands/planted.md": "a stowaway command",
});

test("CLAUDE.md and AGENTS.md of the workspace are honoured; what an agent planted does not run", { timeout: 60_000 }, async () => {
  await using bench = await openBench(
    { turns: [{ steps: [{ shell: "echo PLANTED=$PLANTED" }, { text: "Done." }] }] },
    {
      ...planted("workspace"),
      ".mcp.json": server("workspace"),
      ".claude/rules/tides.md": "Mind the tides.",
      "CLAUDE.md": "Speak like a harbour master. @docs/more.md",
      "docs/more.md": "Be dry.",
      "AGENTS.md": "Count in knots.",
    },
  );
  const before = (await readdir(bench.workspace)).sort();
  expect(outcomeOf(await bench.run())).toBe("done");
  // Its process is lost, and what the agent has written meanwhile is there for the next one.
  await residents.endAll();
  const inHome = {
    ...planted("home"),
    ".claude/CLAUDE.md": "stowaway instructions",
    ".claude/rules/planted.md": "a stowaway rule",
    ".claude.json": server("home"),
    ".claude/.claude.json": server("home"),
  };
  for (const [path, content] of Object.entries(inHome)) {
    await mkdir(dirname(join(bench.home, path)), { recursive: true });
    await writeFile(join(bench.home, path), content);
  }
  const second = await bench.run({ turn: 2 });
  expect([outcomeOf(second), eventsOf(second, "notice")]).toEqual(["done", []]);
  expect((await readdir(bench.workspace)).sort()).toEqual(before);
  const shown = bench.server.requests.modelCalls().map(({ body }) => JSON.stringify(body));
  expect(shown).toHaveLength(4);
  for (const request of shown) {
    for (const words of ["Speak like a harbour master.", "Be dry.", "Count in knots.", "Mind the tides."]) expect(request).toContain(words);
    expect(request).not.toMatch(/stowaway|PLANTED=\w/);
  }
});

test("a revision goes on in the same process, which needs no new start", { timeout: 60_000 }, async () => {
  await using bench = await openBench({ turns: [{ steps: [{ shell: "echo $CLAUDE_PID" }, { text: "Done." }] }] });
  const records = [await bench.run({ prompt: "First words." }), await bench.run({ turn: 2, prompt: "Again." })];
  expect(records.map(outcomeOf)).toEqual(["done", "done"]);
  const [pids, [pid]] = [records.map((record) => eventsOf(record, "tool-result")[0]?.output), eventsOf(records[0] as TurnRecord, "tool-result")];
  expect(pid?.output).toMatch(/^\d+$/);
  expect(pids[1]).toBe(pids[0]);
  expect(bench.server.requests.modelCalls().at(-1)?.model?.text).toContain("First words.");
});

test.each(["forgotten", "unknown to Claude Code"])("a session that is %s is begun anew, with a notice", { timeout: 60_000 }, async (how) => {
  await using bench = await openBench(named("text"));
  if (how !== "forgotten") {
    await mkdir(join(bench.home, ".slipway"));
    await writeFile(join(bench.home, ".slipway/claude-code-session.json"), JSON.stringify({ sessionId: "01a21fb4-26f8-4db2-9f53-71f53dabe7f0" }));
  }
  const record = await bench.run({ turn: 2 });
  expect(outcomeOf(record), JSON.stringify(record.result)).toBe("done");
  expect(eventsOf(record, "notice")).toEqual([{ level: "warning", text: expect.stringContaining("a new one begins") }]);
});

test("settings reach the model, a retry is told of, and no tool waits for later or asks outside", { timeout: 60_000 }, async () => {
  await using bench = await openBench(named("text"));
  let failures = 1;
  bench.server.play((request) => (failures-- > 0 ? { error: { status: 529 } } : named("text")(request)));
  const record = await bench.run({ config: { model: "claude-sonnet-5-5", effort: "high", provider: "other-vendor" } });
  expect(outcomeOf(record)).toBe("done");
  expect(eventsOf(record, "notice")).toEqual([{ level: "warning", text: expect.stringContaining("529 overloaded") }]);
  const request = bench.server.requests.modelCalls().at(-1);
  expect(request?.path).toMatch(/^\/other-vendor\/v1\/messages/);
  expect(request?.body).toMatchObject({ model: "claude-sonnet-5-5", output_config: { effort: "high" } });
  const tools = request?.model?.tools.map(({ name }) => name) ?? [];
  expect(tools).toEqual(expect.arrayContaining(["Bash", "Edit", "Read", "Write", "TodoWrite"]));
  expect(tools.filter((name) => /^(Web|Cron|Schedule|Monitor|Workflow)/.test(name))).toEqual([]);
});

test("the warm-up gets as far as a first request, and leaves nothing", { timeout: 60_000 }, async () => {
  await using bench = await openBench(named("text"));
  const before = await readdir(bench.home);
  await claudeCodeBackend.warmUp?.({ home: bench.home, env: { PATH: process.env["PATH"] ?? "", HOME: bench.home }, signal: AbortSignal.timeout(30_000) });
  expect(await readdir(bench.home)).toEqual(before);
});

test("a message in the middle of a turn reaches the model within it, and one that comes with its last answer is gone on with", {
  timeout: 60_000,
}, async () => {
  await using bench = await openBench({
    turns: [
      { prompt: "Then that.", steps: [{ text: "All done." }] },
      { prompt: "Begin.", steps: [{ text: "I look.", shell: "until test -e go; do sleep 0.05; done" }, { text: "Done." }] },
    ],
  });
  const [called, asked] = [Promise.withResolvers<void>(), bench.server.requests.nthModelCall(2)];
  async function* messages(): AsyncGenerator<string> {
    await called.promise;
    yield "Also this.";
    await writeFile(join(bench.workspace, "go"), "");
    await asked;
    yield "Then that.";
  }
  const record = await bench.run({
    prompt: "Begin.",
    steering: messages(),
    onEvent: (event) => {
      if (event.kind === "tool-call") called.resolve();
    },
  });
  const texts = bench.server.requests.modelCalls().map(({ model }) => model?.text ?? "");
  expect([texts[0]?.includes("Also this."), texts[1]?.includes("Also this."), texts[1]?.includes("Then that.")]).toEqual([false, true, false]);
  expect(texts.at(-1)).toContain("Then that.");
  expect(record.result).toEqual({ status: "done", finalText: "All done." });
  expect(record.lateCount()).toBe(0);
});
