import { chmod, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toManifest } from "@slipway/backend-sdk/manifest";
import { createTestBench, type TestBench } from "@slipway/backend-sdk/test-kit";
import { afterEach, expect, test } from "vitest";
import { claudeCodeBackend } from "./backend.ts";
import { residents } from "./claude-process.ts";
import { claudeArguments, claudeEnvironment } from "./command-line.ts";
import { claudeConfigSchema } from "./config.ts";
import { findClaude } from "./executable.ts";
import { CLAUDE_VERSION } from "./release.ts";

/** What the real CLI does not do on demand; `tests/agents/claude-code` drives that one. */

const model = { baseUrl: "http://127.0.0.1:9", token: "token-of-this-test" };
const INIT = '{"type":"system","subtype":"init","session_id":"d9d71365-8344-4cd5-b97d-5ccf9ca76d5d"}';
const DONE = '{"type":"result","subtype":"success","is_error":false,"num_turns":1,"result":"Done."}';

afterEach(() => residents.endAll());

/** A program that takes each prompt, prints these lines and then does what the shell command says. */
async function program(bench: TestBench, lines: string[], then = ":"): Promise<string> {
  const path = join(bench.home, "bin/claude");
  await mkdir(join(bench.home, "bin"), { recursive: true });
  const print = `cat <<'LINES'\n${lines.map((line) => `${line}\n`).join("")}LINES`;
  await writeFile(
    path,
    `#!/bin/sh\necho start >> starts.txt\ncat <&3 > token.txt\nwhile read -r prompt; do echo "$prompt" >> prompts.txt\n${print}\n${then}\ndone\n`,
  );
  await chmod(path, 0o755);
  return path;
}

async function outcome(lines: string[], then?: string) {
  await using bench = await createTestBench();
  return await bench.runTurn(claudeCodeBackend, { config: { command: await program(bench, lines, then) }, model, prompt: "Fix it." });
}

test("without a way to a model the turn fails, and without the program too", async () => {
  await using bench = await createTestBench();
  expect((await bench.runTurn(claudeCodeBackend, { config: {} })).result).toMatchObject({ failure: { code: "GATEWAY_UNAVAILABLE" } });
  const missing = await bench.runTurn(claudeCodeBackend, { config: {}, model, env: { PATH: "/nonexistent" } });
  expect(missing.result).toMatchObject({
    failure: { code: "BACKEND_NOT_INSTALLED", details: { remedy: "slipway backends install claude-code" } },
  });
});

test("one process takes a turn and its revision; the token comes by a descriptor alone", async () => {
  await using bench = await createTestBench();
  const config = { command: await program(bench, [INIT, DONE]) };
  for (const turn of [1, 2]) {
    const record = await bench.runTurn(claudeCodeBackend, { config, model, turn, prompt: `Turn ${turn}.` });
    expect(record.result).toEqual({ status: "done", finalText: "Done." });
    expect(record.events).toEqual([]);
  }
  const file = (name: string) => readFile(join(bench.workspace, name), "utf8");
  expect(await file("starts.txt")).toBe("start\n");
  expect(await file("token.txt")).toBe(model.token);
  expect((await file("prompts.txt")).match(/Turn \d/g)).toEqual(["Turn 1", "Turn 2"]);
  // Other settings are no reason to go on in the same process.
  await bench.runTurn(claudeCodeBackend, { config: { ...config, model: "claude-haiku-4-5" }, model, turn: 3 });
  expect(await file("starts.txt")).toBe("start\nstart\n");
});

test("images stand in front of a conversation's first prompt, and of one that begins anew", async () => {
  await using bench = await createTestBench();
  await writeFile(join(bench.home, "1-shot.png"), "shot");
  const images = [{ path: join(bench.home, "1-shot.png"), name: "shot.png", type: "image/png" as const }];
  const config = { command: await program(bench, [INIT, DONE]) };
  for (const turn of [1, 2]) await bench.runTurn(claudeCodeBackend, { config, model, turn, prompt: `Turn ${turn}.`, images });
  await residents.endAll();
  await rm(join(bench.home, ".slipway"), { recursive: true });
  await bench.runTurn(claudeCodeBackend, { config, model, turn: 3, prompt: "Turn 3.", images });
  const prompts = (await readFile(join(bench.workspace, "prompts.txt"), "utf8")).trim().split("\n");
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "c2hvdA==" } };
  const text = (words: string) => ({ type: "text", text: words });
  expect(prompts.map((line) => JSON.parse(line).message.content)).toEqual([[image, text("Turn 1.")], [text("Turn 2.")], [image, text("Turn 3.")]]);
});

test("arguments and environment: nothing of the home or the workspace is read but CLAUDE.md; no token", () => {
  const config = claudeConfigSchema.parse({ effort: "high" });
  const args = claudeArguments(config, "/workspace", "Be brief.", "d9d71365-8344-4cd5-b97d-5ccf9ca76d5d");
  const argumentOf = (name: string) => args[args.indexOf(name) + 1];
  expect(argumentOf("--setting-sources")).toBe("");
  expect(args).toContain("--strict-mcp-config");
  expect(["--add-dir", "--effort", "--append-system-prompt", "--resume"].map(argumentOf)).toEqual([
    "/workspace",
    "high",
    "Be brief.",
    "d9d71365-8344-4cd5-b97d-5ccf9ca76d5d",
  ]);
  expect(argumentOf("--disallowedTools")).toContain("WebSearch");
  expect(claudeArguments({ ...config, webSearch: true }, "/workspace", undefined, undefined).join(" ")).not.toContain("WebSearch");
  const planted = { CLAUDE_CODE_USE_BEDROCK: "1", ANTHROPIC_BASE_URL: "http://x", ANTHROPIC_AUTH_TOKEN: "y", HTTPS_PROXY: "http://p", KEPT: "1" };
  const env = claudeEnvironment(planted, { config, configFolder: "/home/agent/.claude", model });
  expect(env).toMatchObject({
    KEPT: "1",
    ANTHROPIC_BASE_URL: "http://127.0.0.1:9/anthropic",
    CLAUDE_CONFIG_DIR: "/home/agent/.claude",
    NO_PROXY: "127.0.0.1,localhost",
  });
  expect(Object.keys(env)).not.toEqual(expect.arrayContaining(["CLAUDE_CODE_USE_BEDROCK"]));
  expect(JSON.stringify([args, env])).not.toContain(model.token);
});

test("the result decides, not the exit code", async () => {
  expect((await outcome([INIT, DONE], "exit 9")).result).toEqual({ status: "done", finalText: "Done." });
  const { result } = await outcome([INIT], "echo 'out of ideas' >&2; exit 0");
  expect(result).toMatchObject({ failure: { code: "BACKEND_FAILED", details: { exitCode: 0, stderr: "out of ideas\n" } } });
  expect((await outcome(["this is no JSON"], "exit 1")).result).toMatchObject({ failure: { code: "BACKEND_OUTPUT_INVALID" } });
  expect((await outcome([INIT], "kill -SEGV $$")).result).toMatchObject({ failure: { code: "BACKEND_FAILED", details: { signal: "SIGSEGV" } } });
});

test("a model that says nothing is MODEL_TIMEOUT in its time; a tool may take as long as it likes", async () => {
  await using bench = await createTestBench();
  const command = await program(bench, [INIT], "sleep 60");
  const silent = await bench.runTurn(claudeCodeBackend, { config: { command, silenceTimeoutSeconds: 1 }, model });
  expect(silent.result).toMatchObject({ failure: { code: "MODEL_TIMEOUT" } });
  expect(silent.durationMs).toBeLessThan(5_000);
  const call = '{"type":"assistant","message":{"content":[{"type":"tool_use","id":"1","name":"Bash","input":{}}]}}';
  await program(bench, [INIT, call], `sleep 2; echo '${DONE}'`);
  const busy = await bench.runTurn(claudeCodeBackend, { config: { command, silenceTimeoutSeconds: 1 }, model });
  expect(busy.result).toEqual({ status: "done", finalText: "Done." });
});

test("one that does not hear its interrupt is killed, within a second", async () => {
  await using bench = await createTestBench();
  const cancel = new AbortController();
  const command = await program(bench, [INIT, "ready"], "while :; do sleep 60; done");
  let abortedAt = Number.NaN;
  const onEvent = (): void => {
    abortedAt = performance.now();
    cancel.abort();
  };
  const { result } = await bench.runTurn(claudeCodeBackend, { config: { command }, model, signal: cancel.signal, onEvent });
  expect(result).toMatchObject({ failure: { code: "CANCELLED" } });
  expect(performance.now() - abortedAt).toBeLessThan(1_000);
});

test("the probe says which release it found, and how to get the tested one", async () => {
  await using bench = await createTestBench();
  const probe = async (version: string) => {
    const path = await program(bench, []);
    await writeFile(path, `#!/bin/sh\necho '${version}'\n`);
    return await claudeCodeBackend.probe({ home: bench.home, env: { PATH: join(bench.home, "bin") }, signal: AbortSignal.timeout(5_000) });
  };
  expect(await probe(`${CLAUDE_VERSION} (Claude Code)`)).toEqual({
    ...{ ok: true, tried: "claude --version", found: `Claude Code ${CLAUDE_VERSION}` },
    ...{ version: CLAUDE_VERSION, program: join(bench.home, "bin/claude") },
  });
  expect(await probe("2.1.197 (Claude Code)")).toMatchObject({ ok: true, found: expect.stringContaining("not tested") });
  expect(await probe("something else")).toMatchObject({ ok: false, remedy: "slipway backends install claude-code" });
});

test("the native program beside npm's stub is taken", async () => {
  await using bench = await createTestBench();
  const root = join(bench.home, "lib/node_modules/@anthropic-ai/claude-code");
  const stub = join(root, "bin/claude.exe");
  const native = join(root, "node_modules/@anthropic-ai", `claude-code-${process.platform}-${process.arch}`, "claude");
  for (const file of [stub, native]) {
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, "#!/bin/sh\n", { mode: 0o755 });
  }
  await mkdir(join(bench.home, "bin"));
  await symlink(stub, join(bench.home, "bin/claude"));
  expect(await findClaude("claude", `/nonexistent:${join(bench.home, "bin")}`)).toBe(native);
  await chmod(native, 0o644);
  expect(await findClaude("claude", join(bench.home, "bin"))).toBe(join(bench.home, "bin/claude"));
  expect(await findClaude("claude", "/nonexistent")).toBeUndefined();
});

test("the manifest describes every setting", () => {
  const { properties } = toManifest(claudeCodeBackend).configSchema as { properties: Record<string, { description?: string }> };
  expect(Object.keys(properties).sort()).toEqual(["command", "effort", "maxTurns", "model", "provider", "silenceTimeoutSeconds", "webSearch"]);
  for (const [name, { description }] of Object.entries(properties)) expect(description, name).toBeTruthy();
});
