import { spawnSync } from "node:child_process";
import { mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseBackendConfig } from "@slipway/backend-sdk/config";
import { conformanceCases } from "@slipway/backend-sdk/conformance";
import { toManifest } from "@slipway/backend-sdk/manifest";
import { createTestBench, type TestBench, type TurnOptions } from "@slipway/backend-sdk/test-kit";
import { expect, test } from "vitest";
import { z } from "zod";
import { scriptBackend } from "./backend.ts";
import { STEP_SCHEMAS } from "./steps/step-schemas.ts";

const steps = (...list: unknown[]) => ({ script: { turns: [list] } });
const run = (bench: TestBench, config: unknown, options: Omit<TurnOptions, "config"> = {}) => bench.runTurn(scriptBackend, { config, ...options });
const text = (bench: TestBench, path: string) => readFile(join(bench.workspace, path), "utf8");

const cases = conformanceCases(scriptBackend, {
  ok: {
    config: steps(
      { plan: [{ text: "write" }] },
      { write: { path: "a.txt", content: "{{prompt}}" } },
      { shell: "cat a.txt" },
      { usage: { inputTokens: 10 } },
      { print: "done" },
    ),
    prompt: "hello",
  },
  endless: { config: steps({ hang: true }) },
  failing: { config: steps({ fail: { code: "BACKEND_QUOTA", message: "No money." } }), code: "BACKEND_QUOTA" },
  wrongConfigs: [
    { config: {}, field: "script" },
    { config: { script: "turns: [" }, field: "script" },
    { config: { script: {} }, field: "script.turns" },
    { config: steps({ print: "a" }, { write: { path: "a" } }), field: "script.turns[0][1].write.content" },
    { config: { script: "turns:\n  - steps:\n      - write: {path: a, content: b, moed: 755}" }, field: "script.turns[0].steps[0].write.moed" },
    { config: steps({ wirte: {} }), field: "script.turns[0][0].wirte" },
    { config: steps({ print: "a", sleep: 1 }), field: "script.turns[0][0].sleep" },
    { config: steps({ write: { path: "../a", content: "" } }), field: "script.turns[0][0].write.path" },
    { config: steps({ delete: "/etc/passwd" }), field: "script.turns[0][0].delete.path" },
    { config: { script: { turns: [[]], default: [{ fail: { code: "NO_SUCH" } }] } }, field: "script.default[0].fail.code" },
  ],
});
for (const { name, run: check } of cases) test(name, check);

test("a setting beside its step is told where it belongs", () => {
  expect(() => parseBackendConfig(scriptBackend, steps({ shell: "exit 1", expectExit: 1 }))).toThrow(/goes inside it, as in `shell: \{ …, expectExit: … \}`/);
});

test("text that is no YAML is told with its line, in one line", () => {
  const broken = { script: "turns:\n  - - print: [" };
  expect(() => parseBackendConfig(scriptBackend, broken)).toThrow(/^backendConfig of script: script: line 2, column \d+: expected YAML: .+$/);
});

test("every step is described for people, with all that it takes", async () => {
  const page = await readFile(new URL("../../../docs/backends.md", import.meta.url), "utf8");
  const rows = new Map([...page.matchAll(/^\| `(\w+)` \| (.*) \| (.*) \|$/gm)].map(([, name = "", takes = ""]) => [name, takes]));
  expect(Object.keys(STEP_SCHEMAS).filter((name) => !rows.has(name))).toEqual([]);
  for (const [name, schema] of Object.entries(STEP_SCHEMAS)) {
    for (const key of settingsOf(z.toJSONSchema(schema, { io: "input" }))) expect(`${name}: ${rows.get(name)}`).toMatch(new RegExp(`\`${key}\\??\``));
  }
});

test("the manifest names every step", () => {
  const manifest = JSON.stringify(toManifest(scriptBackend).configSchema);
  for (const name of ["write", "patch", "shell", "flood", "daemon", "hang"]) expect(manifest).toContain(`"${name}":`);
});

test("the example writes a bug, is told so and repairs it", async () => {
  await using bench = await createTestBench();
  const script = await readFile(new URL("../examples/first-try-fails.yaml", import.meta.url), "utf8");
  const first = await run(bench, { script });
  expect(first.result).toEqual({ status: "done", finalText: "I will add `sum`." });
  expect(first.logs.get("stdout")).toBe("sum.js\n");
  expect(first.events.map((event) => event.kind)).toEqual(["plan", "message", "tool-call", "tool-result", "tool-call", "tool-result", "usage"]);
  const second = await run(bench, { script }, { turn: 2, prompt: "sum is wrong" });
  expect(second.result).toEqual({ status: "done", finalText: "The gate said no; the sign is wrong. Turn 2 repairs it." });
  expect(await text(bench, "src/sum.js")).toContain("total + number");
  expect(await readFile(join(bench.home, "repair-prompt.txt"), "utf8")).toBe("sum is wrong");
  expect((await run(bench, { script }, { turn: 3 })).result).toMatchObject({ status: "failed", failure: { message: "The script has no further turn." } });
});

test("without a default the last turn is repeated", async () => {
  await using bench = await createTestBench();
  for (const turn of [1, 2]) await run(bench, steps({ append: { path: "log", content: "{{turn}} {{prompt}}\n" } }), { turn, prompt: "p" });
  expect(await text(bench, "log")).toBe("1 p\n2 p\n");
});

test("files: modes, binary content, deletion and git-style patches", async () => {
  await using bench = await createTestBench({ "old name.txt": "one\ntwo\n", "gone.txt": "x\n", dir: "d" });
  const diff = [
    "diff --git a/old name.txt b/old name.txt",
    "--- a/old name.txt",
    "+++ b/old name.txt",
    "@@ -1,2 +1,2 @@",
    " one",
    "-two",
    "+zwei",
    "diff --git a/gone.txt b/gone.txt",
    "deleted file mode 100644",
    "--- a/gone.txt",
    "+++ /dev/null",
    "@@ -1 +0,0 @@",
    "-x",
    "diff --git a/run.sh b/run.sh",
    "new file mode 100755",
    "--- /dev/null",
    "+++ b/run.sh",
    "@@ -0,0 +1 @@",
    "+#!/bin/sh",
    "",
  ].join("\n");
  const { result } = await run(
    bench,
    steps(
      { patch: diff },
      { write: { path: "bin/a", content: "AP8=", encoding: "base64", mode: 755 } },
      { delete: "dir" },
      { write: { path: "crlf", content: "a\r\nb\r\n" } },
    ),
  );
  expect(result).toMatchObject({ status: "done" });
  expect(await text(bench, "old name.txt")).toBe("one\nzwei\n");
  await expect(stat(join(bench.workspace, "gone.txt"))).rejects.toThrow("ENOENT");
  expect((await stat(join(bench.workspace, "run.sh"))).mode & 0o777).toBe(0o755);
  expect([...(await readFile(join(bench.workspace, "bin/a")))]).toEqual([0, 255]);
  expect((await stat(join(bench.workspace, "bin/a"))).mode & 0o777).toBe(0o755);
  expect(await text(bench, "crlf")).toBe("a\r\nb\r\n");
});

test.each([
  ["a patch that does not apply", { patch: "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-nope\n+b\n" }, "Turn 1, step 2 (patch): The diff does not apply to a."],
  ["a missing file", { delete: "nothing" }, "Turn 1, step 2 (delete):"],
  ["a link out of the workspace", { write: { path: "out/x", content: "" } }, "Turn 1, step 2 (write): out/x leads out of the workspace."],
  ["a dangling link", { write: { path: "dangling", content: "" } }, "is a link that leads nowhere"],
  ["an unexpected exit", { shell: "exit 3" }, "Turn 1, step 2 (shell): The command ended with 3, expected 0."],
])("%s fails with the step's number", async (_, step, message) => {
  await using bench = await createTestBench({ a: "other\n" });
  await symlink("/tmp", join(bench.workspace, "out"));
  await symlink("nowhere", join(bench.workspace, "dangling"));
  const { result } = await run(bench, steps({ print: "start" }, step));
  expect(result).toMatchObject({ status: "failed", failure: { code: "BACKEND_FAILED", message: expect.stringContaining(message) } });
});

test("`outside` lets a test try an escape", async () => {
  await using bench = await createTestBench();
  const { result } = await run(bench, steps({ write: { path: "../escaped", content: "x", outside: true } }));
  expect(result).toMatchObject({ status: "done" });
  expect(await text(bench, "../escaped")).toBe("x");
});

test("a shell step sees the job's environment and secrets only", async () => {
  await using bench = await createTestBench();
  const { logs } = await run(bench, steps({ shell: "env; echo err >&2; exit 7" }), {});
  expect(logs.get("stderr")).toBe("err\n");
  expect(logs.get("stdout")).not.toContain("VITEST");
  const again = await run(bench, steps({ shell: { command: "echo $SCRIPT_SECRET; exit 7", expectExit: 7 } }), { secrets: { SCRIPT_SECRET: "s3cret" } });
  expect(again.result).toMatchObject({ status: "done" });
  expect(again.logs.get("stdout")).toBe("s3cret\n");
});

test("a shell step ends at the command's exit, even where a child keeps the output open", async () => {
  await using bench = await createTestBench();
  const { result, durationMs, logs } = await run(bench, steps({ shell: "sleep 60 & echo $!" }));
  expect(result).toMatchObject({ status: "done" });
  expect(durationMs).toBeLessThan(10_000);
  process.kill(Number(logs.get("stdout")), "SIGKILL");
});

test("an abort kills a command with its children", async () => {
  await using bench = await createTestBench();
  const controller = new AbortController();
  let pid = 0;
  const { result } = await run(bench, steps({ shell: "sleep 60 & echo $!; wait" }), {
    signal: controller.signal,
    onLog(_, bytes) {
      pid = Number(Buffer.from(bytes).toString());
      controller.abort();
    },
  });
  expect(result).toMatchObject({ status: "failed", failure: { code: "CANCELLED" } });
  expect(isRunning(pid)).toBe(false);
});

test("a daemon stays behind after the turn", async () => {
  await using bench = await createTestBench();
  const { events } = await run(bench, steps({ daemon: "exec sleep 60" }));
  const output = events.find((event) => event.kind === "tool-result")?.data.output ?? "";
  const pid = Number(output.split(" ").at(-1));
  expect(isRunning(pid)).toBe(true);
  process.kill(pid, "SIGKILL");
});

test("a flood is numbered and complete, with and without a rate", async () => {
  await using bench = await createTestBench();
  const { logs } = await run(
    bench,
    steps({ flood: { lines: 5_000, lineBytes: 40 } }, { flood: { lines: 200, lineBytes: 20, linesPerSecond: 5_000, stream: "stderr" } }),
  );
  const lines = (logs.get("stdout") ?? "").trimEnd().split("\n");
  expect(lines.length).toBe(5_000);
  for (const [index, line] of lines.entries()) expect(line).toBe(`line ${index + 1} `.padEnd(39, "x"));
  expect((logs.get("stderr") ?? "").split("\n").length).toBe(201);
});

test("waitFor sees a file that another process makes, signalFile makes one", async () => {
  await using bench = await createTestBench();
  await mkdir(join(bench.workspace, "sub"));
  const { result } = await run(bench, steps({ signalFile: "~/ready" }, { print: "waiting" }, { waitFor: "sub/go" }, { print: "went" }), {
    onEvent(event) {
      if (event.kind === "message" && event.data.text === "waiting")
        void stat(join(bench.home, "ready")).then(() => writeFile(join(bench.workspace, "sub/go"), ""));
    },
  });
  expect(result).toEqual({ status: "done", finalText: "went" });
  const late = await run(bench, steps({ waitFor: { path: "never", timeoutMs: 50 } }));
  expect(late.result).toMatchObject({ status: "failed", failure: { message: expect.stringContaining("never did not appear within 50 ms") } });
});

test("messages, plans, usage and raw output are told as they stand in the script", async () => {
  await using bench = await createTestBench();
  const { events, logs, durationMs } = await run(
    bench,
    steps(
      { plan: [{ text: "look" }, { text: "mend", status: "active" }] },
      { print: { text: "thinking of {{prompt}}", role: "reasoning" } },
      { usage: { inputTokens: 1_200, outputTokens: 34, costUsd: 0.05 } },
      { log: { text: "turn {{turn}}\n" } },
      { log: { stream: "trace", text: "/wA=", encoding: "base64" } },
      { readPrompt: "asked.txt" },
      { sleep: 60 },
    ),
    { prompt: "sums", onLog: (stream, bytes) => stream === "trace" && expect([...bytes]).toEqual([255, 0]) },
  );
  expect(events.slice(0, 3)).toMatchObject([
    {
      kind: "plan",
      data: {
        items: [
          { text: "look", status: "open" },
          { text: "mend", status: "active" },
        ],
      },
    },
    { kind: "message", data: { role: "reasoning", text: "thinking of sums" } },
    { kind: "usage", data: { inputTokens: 1_200, outputTokens: 34, costUsd: 0.05 } },
  ]);
  expect(logs.get("stdout")).toBe("turn 1\n");
  expect(await text(bench, "asked.txt")).toBe("sums");
  expect(durationMs).toBeGreaterThanOrEqual(59);
});

test("`fail` gives its code, message and details as the turn's own", async () => {
  await using bench = await createTestBench();
  const { result } = await run(
    bench,
    steps({ fail: { code: "BACKEND_RATE_LIMITED", message: "Slow down.", details: { retryAfterMs: 5 } } }, { print: "never" }),
  );
  expect(result).toEqual({ status: "failed", failure: { code: "BACKEND_RATE_LIMITED", message: "Slow down.", details: { retryAfterMs: 5 } } });
});

test("a hang that ignores its abort goes on; a patch finds its place within its fuzz", async () => {
  await using bench = await createTestBench({ list: "A\nb\nc\n" });
  const controller = new AbortController();
  const deaf = run(bench, steps({ hang: { heartbeatMs: 10, ignoreAbort: true } }), { signal: controller.signal, onEvent: () => controller.abort() });
  expect(await Promise.race([deaf, delay(150, "still hanging")])).toBe("still hanging");
  const diff = "--- a/list\n+++ b/list\n@@ -1,3 +1,3 @@\n a\n b\n-c\n+C\n";
  expect((await run(bench, steps({ patch: diff }))).result).toMatchObject({ status: "failed" });
  expect((await run(bench, steps({ patch: { diff, fuzz: 1 } }))).result).toMatchObject({ status: "done" });
  expect(await text(bench, "list")).toBe("A\nb\nC\n");
});

test("silent steps show nothing; a heartbeat does", async () => {
  await using bench = await createTestBench();
  const quiet = await run(bench, steps({ silent: true }, { write: { path: "a", content: "" } }, { print: "unheard" }, { silent: false }, { print: "heard" }));
  expect(quiet.events).toEqual([{ kind: "message", data: { role: "agent", text: "heard" } }]);
  const controller = new AbortController();
  const alive = await run(bench, steps({ hang: { heartbeatMs: 10 } }), { signal: controller.signal, onEvent: () => controller.abort() });
  expect(alive.events.length).toBe(1);
});

test("the configuration that the turn gets is parsed", () => {
  const { script } = parseBackendConfig(scriptBackend, { script: "turns: [[{sleep: 5}, {print: hi}]]" });
  expect(script.turns).toEqual([
    [
      { name: "sleep", input: 5 },
      { name: "print", input: { text: "hi", role: "agent" } },
    ],
  ]);
});

/** The settings that a JSON Schema names, in whichever of its forms. */
function settingsOf({ properties = {}, anyOf = [], items }: z.core.JSONSchema.BaseSchema): string[] {
  const nested = [...anyOf, ...(typeof items === "object" && !Array.isArray(items) ? [items] : [])];
  return [...Object.keys(properties), ...nested.flatMap((schema) => (typeof schema === "object" ? settingsOf(schema) : []))];
}

/** Whether a process is there and not a zombie. */
function isRunning(pid: number): boolean {
  return /^[^Z]/.test(spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim());
}
