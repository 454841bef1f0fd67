import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { newId } from "@slipway/protocol/scalars";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSandboxProvider } from "./create.ts";
import type { SandboxCommand, SandboxProvider, SandboxSpec } from "./sandbox.ts";

const INSTALL_ROOT = resolve(import.meta.dirname, "../../../..");
const root = await mkdtemp(join(tmpdir(), "slipway-commands-"));
afterAll(() => rm(root, { recursive: true, force: true }));

function providerOf(kind: "bwrap" | "none"): SandboxProvider {
  return createSandboxProvider(kind, { runtimeFolder: join(root, "run"), installRoot: INSTALL_ROOT, maskPaths: [] });
}

const holds = await providerOf("bwrap")
  .probe()
  .then(
    () => true,
    () => false,
  );

function specIn(folder: string): SandboxSpec {
  const own = (name: string): string => join(folder, name);
  return { id: newId(), workspace: own("workspace"), home: own("home"), spool: own("spool"), control: own("control"), readOnly: [], runner: false };
}

function shell(text: string, onOutput?: SandboxCommand["onOutput"]): SandboxCommand {
  const command = { argv: ["sh", "-c", text], env: {}, network: "none", timeoutMs: 20_000, outputLimitBytes: 1_000 } as const;
  return onOutput ? { ...command, onOutput } : command;
}

describe.each(holds ? (["bwrap", "none"] as const) : (["none"] as const))("a sandbox of kind %s without a runner", (kind) => {
  let provider: SandboxProvider;
  let spec: SandboxSpec;
  const { signal } = new AbortController();
  beforeAll(async () => {
    provider = providerOf(kind);
    spec = specIn(await mkdtemp(join(root, "attempt-")));
  });

  test("runs commands in one workspace, and starts nothing else", async () => {
    await using sandbox = await provider.start(spec, signal);
    expect(sandbox.record.processes).toEqual([]);
    expect((await sandbox.run(shell("echo made > file"), signal)).exitCode).toBe(0);
    expect((await sandbox.run(shell("cat file"), signal)).output.toString()).toBe("made\n");
    await expect(sandbox.turn({} as never, {} as never)).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("its end ends the command that runs, with what that has started, and another can run after it", async () => {
    await using sandbox = await provider.start(spec, signal);
    const { promise: said, resolve: say } = Promise.withResolvers<void>();
    const ended = expect(
      sandbox.run(
        shell("sleep 1000 & echo begun; wait", () => say()),
        signal,
      ),
    ).rejects.toMatchObject({ code: "RUNNER_LOST" });
    await said;
    await sandbox.end();
    await ended;
    expect((await sandbox.run(shell("cat file"), signal)).output.toString()).toBe("made\n");
  });

  test("it is not attached again: a worker that was killed makes a new one", async () => {
    const { record } = await provider.start(spec, signal);
    expect(await provider.attach(record)).toBeUndefined();
    await provider.reclaim(record);
  });
});
