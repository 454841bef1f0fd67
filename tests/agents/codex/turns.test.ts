import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ScenarioInput } from "../../support/model-server/scenario.ts";
import { eventsOf, named, openBench, outcomeOf } from "./bench.ts";

const usage = (inputTokens: number) => ({ inputTokens, cachedInputTokens: 10, outputTokens: 20, reasoningTokens: 5 });

/** A first turn that gets it wrong, and a repair that has the gate's words in its prompt. */
const REPAIR: ScenarioInput = {
  turns: [
    {
      prompt: "expected 4",
      steps: [
        { text: "I see.", shell: "printf 'module.exports = (a, b) => a + b;\\n' > add.js", usage: usage(500) },
        { text: "Now it adds.", usage: usage(700) },
      ],
    },
    {
      steps: [
        { reasoning: "It must add.", shell: "printf 'module.exports = (a, b) => a * b;\\n' > add.js", usage: usage(100) },
        { shell: "node -e 'process.exit(require(\"./add.js\")(1, 2) === 3 ? 0 : 3)'", usage: usage(200) },
        { text: "Fixed.", usage: usage(300) },
      ],
    },
  ],
};

test("a file is fixed, and repaired in a second turn of the same thread; usage is that of the turn", async () => {
  await using bench = await openBench(REPAIR, { "add.js": "module.exports = () => 0;\n" });
  const first = await bench.run({ prompt: "Make add.js add." });
  expect(first.result).toEqual({ status: "done", finalText: "Fixed." });
  expect(eventsOf(first, "usage")).toEqual([{ inputTokens: 600, cachedInputTokens: 30, outputTokens: 60, reasoningTokens: 15, costUsd: 0 }]);
  expect(eventsOf(first, "message")).toEqual([
    { role: "reasoning", text: "It must add." },
    { role: "agent", text: "Fixed." },
  ]);
  const results = eventsOf(first, "tool-result");
  expect(results.map(({ isError }) => isError)).toEqual([false, true]);
  expect(results[1]?.output).toMatch(/^exit 3\n/);

  const second = await bench.run({ prompt: "The gate says: expected 4.", turn: 2 });
  expect(second.result).toEqual({ status: "done", finalText: "Now it adds." });
  expect(eventsOf(second, "usage")).toEqual([{ inputTokens: 1_200, cachedInputTokens: 20, outputTokens: 40, reasoningTokens: 10, costUsd: 0 }]);
  expect(eventsOf(second, "notice")).toEqual([]);
  expect(await readFile(join(bench.workspace, "add.js"), "utf8")).toContain("a + b");
  // The same conversation: the model is shown the first turn again.
  expect(bench.server.requests.modelCalls()[3]?.model?.text).toContain("Make add.js add.");
  const threads = new Set(bench.server.requests.modelCalls().map(({ headers }) => headers["thread-id"]));
  expect(threads.size).toBe(1);
});

test.each(["gpt-6.1-sol", "gpt-5.5", "a-model-of-another-vendor"])("%s edits a file", async (model) => {
  await using bench = await openBench(named("edit"));
  const record = await bench.run({ config: { model } });
  expect(outcomeOf(record)).toBe("done");
  expect(bench.server.requests.modelCalls().map((request) => request.model?.model)).toEqual([model, model]);
  expect(await readFile(join(bench.workspace, "README.md"), "utf8")).toBe("# demo\nedited by the scripted model\n");
});

test("a patch, a plan and two calls at once are told", async () => {
  const patch = "apply_patch <<'P'\n*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\nP\n";
  const plan = [
    { step: "look", status: "completed" },
    { step: "edit", status: "in_progress" },
  ];
  const steps = [{ calls: [{ tool: "update_plan", input: { plan } }] }, { shell: patch }, { shell: ["printf one", "printf two"] }, { text: "Done." }];
  await using bench = await openBench({ turns: [{ steps }] });
  const record = await bench.run();
  expect(eventsOf(record, "plan")[0]?.items).toEqual([
    { text: "look", status: "done" },
    { text: "edit", status: "open" },
  ]);
  const calls = eventsOf(record, "tool-call");
  expect(calls.map(({ name }) => name).sort()).toEqual(["apply_patch", "shell", "shell"]);
  expect(new Set(calls.map(({ callId }) => callId)).size).toBe(3);
  expect(
    eventsOf(record, "tool-result")
      .map(({ output }) => output)
      .sort(),
  ).toEqual([`add ${join(bench.workspace, "new.txt")}`, "exit 0\none", "exit 0\ntwo"]);
  expect(record.logs.get("shell")?.split("").sort().join("")).toBe([..."onetwo"].sort().join(""));
});

test("AGENTS.md of the workspace is honoured; what an agent planted for its next turn is not", async () => {
  const hook = (name: string) => JSON.stringify({ hooks: { SessionStart: [{ hooks: [{ type: "command", command: `touch ${name}` }] }] } });
  const settings = (name: string) => `notify = ["touch", "${name}-notify"]\n[mcp_servers.evil]\ncommand = "touch"\nargs = ["${name}-mcp"]\n`;
  await using bench = await openBench(named("text"), {
    "AGENTS.md": "Speak like a harbour master.\n",
    ".codex/config.toml": settings("workspace"),
    ".codex/hooks.json": hook("workspace-hook"),
  });
  expect(outcomeOf(await bench.run())).toBe("done");
  const codexHome = join(bench.home, ".codex");
  await mkdir(join(codexHome, "skills/planted"), { recursive: true });
  await writeFile(join(codexHome, "skills/planted/SKILL.md"), "---\nname: planted\ndescription: planted skill\n---\n");
  await writeFile(join(codexHome, "AGENTS.md"), "planted instructions");
  await writeFile(join(codexHome, "AGENTS.override.md"), "planted override");
  await writeFile(join(codexHome, "config.toml"), settings("home"));
  await writeFile(join(codexHome, "hooks.json"), hook("home-hook"));
  expect(outcomeOf(await bench.run({ turn: 2 }))).toBe("done");
  expect((await readdir(bench.workspace)).sort()).toEqual([".codex", "AGENTS.md"]);
  const shown = bench.server.requests.modelCalls().map(({ body }) => JSON.stringify(body));
  expect(shown[0]).toContain("Speak like a harbour master.");
  expect(shown[1]).not.toContain("planted");
});

test.each(["forgotten", "unknown to Codex"])("a session that is %s is begun anew, with a notice", async (how) => {
  await using bench = await openBench(named("text"));
  if (how === "unknown to Codex") {
    await mkdir(join(bench.home, ".slipway"));
    const session = { threadId: "01a21fb4-26f8-7db2-9f53-71f53dabe7f0", usage: { input_tokens: 999_999 } };
    await writeFile(join(bench.home, ".slipway/codex-session.json"), JSON.stringify(session));
  }
  const record = await bench.run({ turn: 2 });
  expect(outcomeOf(record)).toBe("done");
  expect(eventsOf(record, "notice")).toEqual([{ level: "warning", text: expect.stringContaining("a new one begins") }]);
  expect(eventsOf(record, "usage")[0]).toMatchObject({ inputTokens: 1_000 });
});

test("a megabyte of text in a thousand pieces is a message that is cut, and a prompt may be as long", async () => {
  await using bench = await openBench(named("flood"));
  const prompt = `Read this: ${"word ".repeat(60_000)}`;
  const record = await bench.run({ prompt });
  expect(outcomeOf(record)).toBe("done");
  expect(eventsOf(record, "message")[0]?.text).toMatch(/^flood flood .*characters cut\)$/s);
  expect(bench.server.requests.modelCalls()[0]?.model?.prompt).toBe(prompt);
});

test("settings reach the model", async () => {
  await using bench = await openBench(named("text"));
  await bench.run({ config: { model: "gpt-5.5", reasoningEffort: "high", provider: "other-vendor" } });
  const [request] = bench.server.requests.modelCalls();
  expect(request?.path).toBe("/other-vendor/v1/responses");
  expect(request?.body).toMatchObject({ model: "gpt-5.5", reasoning: { effort: "high" } });
  expect(JSON.stringify(request?.model?.tools)).not.toContain("web_search");
});
