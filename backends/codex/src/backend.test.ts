import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toManifest } from "@slipway/backend-sdk/manifest";
import { createTestBench, type TestBench, type TurnOptions } from "@slipway/backend-sdk/test-kit";
import { afterEach, expect, test } from "vitest";
import { residents } from "./app-server/codex-server.ts";
import { codexBackend } from "./backend.ts";
import { findCodex } from "./executable.ts";
import { CODEX_VERSION } from "./release.ts";

/** What the real CLI does not do on demand, by one that is scripted; `tests/agents/codex` drives the real one. */

const model = { baseUrl: "http://127.0.0.1:9", token: "token-of-this-test" };
const THREAD = "01a21fb4-26f8-7db2-9f53-71f53dabe7f0";
const LIMIT_MS = 1_000;

const notification = (method: string, params: object) => JSON.stringify({ method, params: { threadId: THREAD, turnId: "turn-1", ...params } });
const message = (text: string) => notification("item/completed", { item: { type: "agentMessage", id: "m", text } });
const over = (status = "completed", error: object | null = null) => notification("turn/completed", { turn: { id: "turn-1", status, error } });
const DONE = { "turn/start": { say: [message("Done by $PID."), over()] } };

afterEach(() => residents.endAll());

/** A program that does what a script says: see `fake-app-server.ts`. */
async function program(bench: TestBench, content = `exec "${process.execPath}" "${join(import.meta.dirname, "fake-app-server.ts")}"`): Promise<string> {
  const path = join(bench.home, "bin/codex");
  await mkdir(join(bench.home, "bin"), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${content}\n`);
  await chmod(path, 0o755);
  return path;
}

async function run(bench: TestBench, script: object, options: Partial<TurnOptions> = {}) {
  const env = { FAKE_CODEX: JSON.stringify(script), ...options.env };
  return await bench.runTurn(codexBackend, {
    model,
    prompt: "Fix it.",
    ...options,
    env,
    config: { command: await program(bench), ...(options.config as object) },
  });
}

async function outcome(script: object, options?: Partial<TurnOptions>) {
  await using bench = await createTestBench();
  return await run(bench, script, options);
}

const noticesOf = ({ events }: Awaited<ReturnType<typeof outcome>>) => events.flatMap((event) => (event.kind === "notice" ? [event.data.text] : []));

test("without a way to a model the turn fails, and without the program too", async () => {
  await using bench = await createTestBench();
  expect((await bench.runTurn(codexBackend, { config: {} })).result).toMatchObject({ failure: { code: "GATEWAY_UNAVAILABLE" } });
  const missing = await bench.runTurn(codexBackend, { config: {}, model, env: { PATH: "/nonexistent" } });
  expect(missing.result).toMatchObject({
    failure: { code: "BACKEND_NOT_INSTALLED", details: { remedy: "slipway backends install codex" } },
  });
});

test("the turn's end decides, not the exit code", async () => {
  expect((await outcome({ "turn/start": { say: [message("Done."), over()], exit: 9 } })).result).toEqual({ status: "done", finalText: "Done." });
  const { result } = await outcome({ "turn/start": { say: [message("Done.")], words: "out of ideas", exit: 0 } });
  expect(result).toMatchObject({ failure: { code: "BACKEND_FAILED", details: { exitCode: 0, stderr: "out of ideas" } } });
  expect((await outcome({ "turn/start": { say: [over("interrupted")] } })).result).toMatchObject({ failure: { code: "BACKEND_FAILED" } });
});

test("an end without the turn's end is judged by how it went, and by what was no message", async () => {
  expect((await outcome({ initialize: { silent: true, say: ["this is no JSON"], exit: 1 } })).result).toMatchObject({
    failure: { code: "BACKEND_OUTPUT_INVALID" },
  });
  expect((await outcome({ "turn/start": { signal: "SIGSEGV" } })).result).toMatchObject({
    failure: { code: "BACKEND_FAILED", details: { signal: "SIGSEGV" } },
  });
  const failed = await outcome({ "turn/start": { say: [over("failed", { message: "Quota exceeded." })] } });
  expect(failed.result).toMatchObject({ failure: { code: "BACKEND_QUOTA" } });
});

test("a thread that Codex refuses ends the turn with its reason", async () => {
  expect((await outcome({ "thread/start": { refuse: "no such model provider" } })).result).toMatchObject({
    failure: { code: "BACKEND_FAILED", message: "Codex: no such model provider" },
  });
  const servers = "error creating thread: Fatal error: Failed to initialize session: required MCP servers failed to initialize: tides: No such file";
  expect((await outcome({ "thread/start": { refuse: servers } })).result).toMatchObject({
    failure: { code: "MCP_SERVER_FAILED", message: "Codex could not start an MCP server of the job: tides: No such file.", details: { field: "mcpServers" } },
  });
});

test("one that does not go when it is told to is killed, in a second: after a turn, and by a cancel", async () => {
  await using bench = await createTestBench();
  expect((await run(bench, { ...DONE, deaf: {} })).result.status).toBe("done");
  const endedAt = performance.now();
  await residents.endAll();
  expect(performance.now() - endedAt).toBeLessThan(LIMIT_MS + 200);

  const cancel = new AbortController();
  let abortedAt = Number.NaN;
  const onEvent = (): void => {
    abortedAt = performance.now();
    cancel.abort();
  };
  const script = { "turn/start": { say: [message("I wait.")] }, "turn/interrupt": { silent: true }, deaf: {} };
  expect((await run(bench, script, { signal: cancel.signal, onEvent })).result).toMatchObject({ failure: { code: "CANCELLED" } });
  expect(performance.now() - abortedAt).toBeLessThan(LIMIT_MS);
});

const request = (method: string, params: object) => JSON.stringify({ id: 7, method, params: { threadId: THREAD, turnId: "turn-1", itemId: "one", ...params } });
const COMMAND = request("item/commandExecution/requestApproval", { command: "rm -r x" });
const FILES = request("item/fileChange/requestApproval", {});

test.each([
  ["allow", COMMAND, { decision: "accept" }, "execute", "allowed"],
  ["edits", COMMAND, { decision: "decline" }, "execute", "denied"],
  ["edits", FILES, { decision: "accept" }, "edit", "allowed"],
  ["deny", FILES, { decision: "decline" }, "edit", "denied"],
  [
    "allow",
    request("item/permissions/requestApproval", { permissions: { network: { enabled: true } } }),
    { permissions: { network: { enabled: true } }, scope: "turn" },
    "other",
    "allowed",
  ],
  ["deny", request("item/permissions/requestApproval", { permissions: { network: { enabled: true } } }), { permissions: {}, scope: "turn" }, "other", "denied"],
] as const)("what Codex asks leave for is answered by the policy %s: %s", async (permissions, asked, answer, kind, told) => {
  const script = {
    "turn/start": { say: [asked] },
    answered: { say: [notification("item/completed", { item: { type: "agentMessage", id: "m", text: "$ANSWER" } }), over()] },
  };
  const { result, events } = await outcome(script, { permissions });
  expect(result).toEqual({ status: "done", finalText: JSON.stringify(answer) });
  expect(events).toContainEqual({
    kind: "permission",
    data: expect.objectContaining({ asked: kind, answer: told, policy: permissions, callId: "turn-1-one" }),
  });
});

test.each([
  ["cat README.md", "read", "accept"],
  ["find . -delete", "listFiles", "decline"],
  ["find . -exec touch {} +", "search", "decline"],
  ["rg --pre ./evil x", "search", "decline"],
  ["make", "unknown", "decline"],
])("without leave, %s, which Codex takes for %s, is answered with %s", async (command, type, decision) => {
  const asked = request("item/commandExecution/requestApproval", { command: `/bin/bash -lc '${command}'`, commandActions: [{ type }] });
  const script = {
    "turn/start": { say: [asked] },
    answered: { say: [notification("item/completed", { item: { type: "agentMessage", id: "m", text: "$ANSWER" } }), over()] },
  };
  expect((await outcome(script, { permissions: "deny" })).result).toEqual({ status: "done", finalText: JSON.stringify({ decision }) });
});

test("what nobody here can answer is refused, and the turn goes on", async () => {
  const script = {
    "turn/start": { say: [request("item/tool/call", {})] },
    answered: { say: [notification("item/completed", { item: { type: "agentMessage", id: "m", text: "$ANSWER" } }), over()] },
  };
  expect((await outcome(script)).result).toMatchObject({ status: "done", finalText: expect.stringContaining("Nobody here answers item/tool/call") });
});

test("a message that Codex does not take, or that its model does not hear, is told of", async () => {
  async function* messages() {
    yield "Use blue.";
  }
  const late = "A message came when the agent had ended its turn.";
  const heard = notification("item/completed", { item: { type: "userMessage", id: "u", clientId: "steering-0" } });
  expect(noticesOf(await outcome({ "turn/steer": { say: [heard, over()] } }, { steering: messages() }))).toEqual([]);
  expect(noticesOf(await outcome({ "turn/steer": { say: [over()] } }, { steering: messages() }))).toEqual([late]);
  expect(noticesOf(await outcome({ "turn/steer": { refuse: "no active turn", say: [over()] } }, { steering: messages() }))).toEqual([late]);
});

test("one that was started ahead takes the first turn, whatever its job's settings, and the revision; not one with another environment", async () => {
  await using bench = await createTestBench();
  const command = await program(bench);
  const env = { PATH: process.env["PATH"] ?? "", HOME: bench.home, FAKE_CODEX: JSON.stringify(DONE) };
  const ahead = async () => {
    const { home, workspace } = bench;
    await codexBackend.startAhead?.({ config: codexBackend.config.parse({ command }), home, workspace, env, signal: AbortSignal.timeout(10_000) });
    const waiting = residents.takeAhead();
    if (waiting) await residents.keepAhead(waiting);
    return waiting;
  };
  const waiting = await ahead();
  const first = await run(bench, DONE, { config: { model: "another", provider: "other" }, env: { SLIPWAY_JOB: "job-1" } });
  expect(residents.takeAhead()).toBeUndefined();
  const second = await run(bench, DONE, { turn: 2, config: { model: "another", provider: "other" }, env: { SLIPWAY_JOB: "job-1" } });
  expect([second.result, waiting?.isAlive]).toEqual([first.result, true]);
  // Other settings are another thread, and another process.
  const third = await run(bench, DONE, { turn: 3, config: { model: "a third" }, env: { SLIPWAY_JOB: "job-1" } });
  expect(third.result).not.toEqual(first.result);

  const unused = await ahead();
  await run(bench, DONE, { env: { OF_THE_JOB: "other" } });
  expect(unused?.isAlive).toBe(false);
});

test("a start ahead that fails is told with its words, a program that is not there is nobody's trouble, and one that dies while it waits is replaced", async () => {
  await using bench = await createTestBench();
  const command = await program(bench, "echo 'out of paint' >&2; exit 3");
  const { home, workspace } = bench;
  const ahead = async (config: object, script: object = {}) =>
    await codexBackend.startAhead?.({
      ...{ config: codexBackend.config.parse(config), home, workspace, signal: AbortSignal.timeout(10_000) },
      env: { PATH: process.env["PATH"] ?? "", HOME: home, FAKE_CODEX: JSON.stringify(script) },
    });
  await expect(ahead({ command })).rejects.toThrow(/Codex could not be started ahead: it ended with 3: out of paint/);
  await expect(ahead({ command: "/nonexistent" })).resolves.toBeUndefined();
  await program(bench);
  await ahead({ command }, DONE);
  const waiting = residents.takeAhead();
  await waiting?.end();
  if (waiting) await residents.keepAhead(waiting);
  expect((await run(bench, DONE)).result.status).toBe("done");
});

test("the probe says which release it found, and how to get the tested one", async () => {
  await using bench = await createTestBench();
  const probe = async (version: string) => {
    await program(bench, `echo '${version}'`);
    return await codexBackend.probe({ home: bench.home, env: { PATH: join(bench.home, "bin") }, signal: AbortSignal.timeout(5_000) });
  };
  expect(await probe(`codex-cli ${CODEX_VERSION}`)).toEqual({
    ...{ ok: true, tried: "codex --version", found: `Codex ${CODEX_VERSION}` },
    ...{ version: CODEX_VERSION, program: join(bench.home, "bin/codex") },
  });
  expect(await probe("codex-cli 0.999.0")).toMatchObject({ ok: true, found: expect.stringContaining("not tested") });
  expect(await probe("something else")).toMatchObject({ ok: false, remedy: "slipway backends install codex" });
});

test("the native program beside npm's script is taken", async () => {
  await using bench = await createTestBench();
  const root = join(bench.home, "lib/node_modules/@openai/codex");
  const script = join(root, "bin/codex.js");
  const target = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-${process.platform === "darwin" ? "apple-darwin" : "unknown-linux-musl"}`;
  const native = join(root, "node_modules/@openai", `codex-${process.platform}-${process.arch}`, "vendor", target, "bin/codex");
  for (const file of [script, native]) {
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, "#!/bin/sh\n", { mode: 0o755 });
  }
  await mkdir(join(bench.home, "bin"));
  await symlink(script, join(bench.home, "bin/codex"));
  expect(await findCodex("codex", `/nonexistent:${join(bench.home, "bin")}`)).toBe(native);
  await chmod(native, 0o644);
  expect(await findCodex("codex", join(bench.home, "bin"))).toBe(join(bench.home, "bin/codex"));
  expect(await findCodex("codex", "/nonexistent")).toBeUndefined();
});

test("the manifest describes every setting", () => {
  const { properties } = toManifest(codexBackend).configSchema as { properties: Record<string, { description?: string }> };
  expect(Object.keys(properties).sort()).toEqual(["command", "model", "ownSandbox", "provider", "reasoningEffort", "silenceTimeoutSeconds", "webSearch"]);
  for (const [name, { description }] of Object.entries(properties)) expect(description, name).toBeTruthy();
});
