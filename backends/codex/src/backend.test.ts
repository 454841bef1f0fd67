import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toManifest } from "@slipway/backend-sdk/manifest";
import { createTestBench, type TestBench } from "@slipway/backend-sdk/test-kit";
import { expect, test } from "vitest";
import { codexBackend } from "./backend.ts";
import { findCodex } from "./executable.ts";
import { CODEX_VERSION } from "./release.ts";

/** What the real CLI does not do on demand; `tests/agents/codex` drives that one. */

const model = { baseUrl: "http://127.0.0.1:9", token: "token-of-this-test" };
const THREAD = '{"type":"thread.started","thread_id":"01a21fb4-26f8-7db2-9f53-71f53dabe7f0"}';
const DONE = '{"type":"turn.completed","usage":{"input_tokens":10}}';

/** A program that prints these lines and then does what the shell command says. */
async function program(bench: TestBench, lines: string[], then = "exit 0"): Promise<string> {
  const path = join(bench.home, "bin/codex");
  await mkdir(join(bench.home, "bin"), { recursive: true });
  await writeFile(path, `#!/bin/sh\ncat > prompt.txt\ncat <<'LINES'\n${lines.join("\n")}\nLINES\n${then}\n`);
  await chmod(path, 0o755);
  return path;
}

async function outcome(lines: string[], then?: string) {
  await using bench = await createTestBench();
  const record = await bench.runTurn(codexBackend, { config: { command: await program(bench, lines, then) }, model, prompt: "Fix it." });
  expect(await readFile(join(bench.workspace, "prompt.txt"), "utf8")).toBe("Fix it.");
  return record;
}

test("without a way to a model the turn fails, and without the program too", async () => {
  await using bench = await createTestBench();
  expect((await bench.runTurn(codexBackend, { config: {} })).result).toMatchObject({ failure: { code: "GATEWAY_UNAVAILABLE" } });
  const missing = await bench.runTurn(codexBackend, { config: {}, model, env: { PATH: "/nonexistent" } });
  expect(missing.result).toMatchObject({
    failure: { code: "BACKEND_NOT_INSTALLED", details: { remedy: "slipway backends install codex" } },
  });
});

test("the final event decides, not the exit code", async () => {
  expect((await outcome([THREAD, DONE], "exit 9")).result).toEqual({ status: "done", finalText: "" });
  const { result } = await outcome([THREAD], "echo 'out of ideas' >&2; exit 0");
  expect(result).toMatchObject({ failure: { code: "BACKEND_FAILED", details: { exitCode: 0, stderr: "out of ideas\n" } } });
});

test("an end without a final event is judged by what was said last", async () => {
  expect((await outcome(['{"type":"error","message":"Quota exceeded."}'], "exit 1")).result).toMatchObject({ failure: { code: "BACKEND_QUOTA" } });
  expect((await outcome(["this is no JSON"], "exit 1")).result).toMatchObject({ failure: { code: "BACKEND_OUTPUT_INVALID" } });
  expect((await outcome([], "kill -SEGV $$")).result).toMatchObject({ failure: { code: "BACKEND_FAILED", details: { signal: "SIGSEGV" } } });
});

test("one that does not go after its final event is ended", async () => {
  const record = await outcome([THREAD, DONE], "sleep 60 & sleep 61");
  expect(record.result).toEqual({ status: "done", finalText: "" });
  expect(record.durationMs).toBeLessThan(10_000);
});

test("one that does not hear SIGINT is killed, within a second", async () => {
  await using bench = await createTestBench();
  const cancel = new AbortController();
  const command = await program(bench, [THREAD, '{"type":"error","message":"ready"}'], "trap '' INT; while :; do sleep 60; done");
  let abortedAt = Number.NaN;
  const onEvent = (): void => {
    abortedAt = performance.now();
    cancel.abort();
  };
  const { result } = await bench.runTurn(codexBackend, { config: { command }, model, signal: cancel.signal, onEvent });
  expect(result).toMatchObject({ failure: { code: "CANCELLED" } });
  expect(performance.now() - abortedAt).toBeLessThan(1_000);
});

test("the probe says which release it found, and how to get the tested one", async () => {
  await using bench = await createTestBench();
  const probe = async (version: string) => {
    const path = await program(bench, []);
    await writeFile(path, `#!/bin/sh\necho '${version}'\n`);
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
