import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Sandbox } from "../../../apps/worker/src/sandbox/sandbox.ts";
import { isIsolated, never, openBench, type SandboxBench, shell } from "../bench.ts";
import { KINDS } from "../kinds.ts";
import { processesWith } from "../live-processes.ts";

describe.each(KINDS)("one-shots in %s", (kind) => {
  let bench: SandboxBench;
  let sandbox: Sandbox;
  beforeAll(async () => {
    bench = await openBench(kind);
    sandbox = await bench.start();
  });
  afterAll(async () => {
    await bench[Symbol.asyncDispose]();
  });

  test.each([
    ["exit 0", 0],
    ["exit 7", 7],
    ["kill -9 $$", 137],
    ["kill -TERM $$", 143],
    ["no-such-command-at-all", 127],
  ])("`%s` ends with %i", async (text, exitCode) => {
    expect(await sandbox.run(shell(text), never())).toMatchObject({ exitCode, timedOut: false, droppedBytes: 0 });
  });

  test("a program that is not there ends with 127", async () => {
    expect((await sandbox.run({ ...shell(""), argv: ["no-such-program"] }, never())).exitCode).toBe(127);
  });

  test("it has exactly the environment that it was given, home and path, and the workspace as its folder", async () => {
    const env = { ODD: "a\nb=ü $x 'y'", LD_PRELOAD: "/nowhere.so" };
    const { output } = await sandbox.run(shell("env -0 2>/dev/null | sort -z | tr '\\0' '|'; pwd 2>/dev/null", { env }), never());
    // The loader's complaints come over the other pipe, and so anywhere.
    const text = output.toString().replace(/ERROR: ld\.so[^\n]*\n/g, "");
    const names = text.split("|").map((entry) => entry.split("=")[0]);
    const labels = !isIsolated(kind) ? ["SLIPWAY_SANDBOX", "SLIPWAY_SANDBOX_RUN"] : [];
    expect(names.slice(0, -1)).toEqual(["HOME", "LD_PRELOAD", "ODD", "PATH", "PWD", ...labels].sort());
    expect(text).toContain("ODD=a\nb=ü $x 'y'|");
    expect(text.trimEnd().endsWith(sandbox.inside.workspace)).toBe(true);
  });

  test("a command begins when what it waits for is over, and after the sandbox's end too", async () => {
    const own = await bench.start();
    const file = join(own.record.spec.workspace, "begun");
    const ready = Promise.withResolvers<void>();
    const result = own.run(shell("cat begun; echo seen", { after: ready.promise }), never());
    const ended = own.end();
    await expect(result).rejects.toThrow();
    await ended;
    const later = own.run(shell("cat begun; cat", { after: ready.promise }), never());
    await writeFile(file, "written before it began\n");
    ready.resolve();
    expect(await later).toMatchObject({ exitCode: 0, output: Buffer.from("written before it began\n") });
  });

  test("a command never begins where what it waits for fails", async () => {
    const file = join(sandbox.record.spec.workspace, "never");
    const failure = new Error("it could not be made ready");
    const ready = Promise.withResolvers<void>();
    const result = sandbox.run(shell("touch never", { after: ready.promise }), never());
    ready.reject(failure);
    await expect(result).rejects.toBe(failure);
    await expect(readFile(file)).rejects.toThrow("ENOENT");
  });

  test("a zero byte in the environment is refused, not obeyed", async () => {
    await expect(sandbox.run(shell("true", { env: { X: "1\0--bind\0/\0/tmp" } }), never())).rejects.toThrow();
  });

  test("output is capped and counted, both streams in the order of arrival", async () => {
    const seen: Buffer[] = [];
    const command = shell("echo out; sleep 0.05; echo err >&2; sleep 0.05; head -c 500000 /dev/zero", {
      outputLimitBytes: 1_000,
      onOutput: (_, bytes) => seen.push(bytes),
    });
    const result = await sandbox.run(command, never());
    expect(result.output.toString()).toMatch(/^out\nerr\n\0+$/);
    expect(result.output.length).toBe(1_000);
    expect(result.droppedBytes).toBe(500_008 - 1_000);
    expect(Buffer.concat(seen)).toEqual(result.output);
  });

  test("a time-out ends all of it", async () => {
    const mark = `8${process.pid}.${kind.length}1`;
    const result = await sandbox.run(shell(`echo begun; setsid sleep ${mark} & sleep ${mark}`, { timeoutMs: 500 }), never());
    expect(result).toMatchObject({ exitCode: null, timedOut: true });
    expect(result.output.toString()).toBe("begun\n");
    expect(processesWith(mark)).toEqual([]);
  });

  test("what a command leaves behind ends with it, and does not hold it up", async () => {
    const mark = `8${process.pid}.${kind.length}2`;
    const result = await sandbox.run(shell(`setsid sleep ${mark} & sleep 0.2; echo done`), never());
    expect(result).toMatchObject({ exitCode: 0 });
    expect(processesWith(mark)).toEqual([]);
  });

  test("an abort rejects with its reason, and nothing is left", async () => {
    const mark = `8${process.pid}.${kind.length}3`;
    const abort = new AbortController();
    const reason = new Error("enough");
    const running = sandbox.run(shell(`echo begun; setsid sleep ${mark} & sleep ${mark}`, { onOutput: () => abort.abort(reason) }), abort.signal);
    await expect(running).rejects.toBe(reason);
    expect(processesWith(mark)).toEqual([]);
  });

  test("a mounted folder is there, writable or not, and a file of it comes out", async () => {
    const out = join(bench.data, "worker/attempts/out");
    await mkdir(out, { recursive: true });
    await writeFile(join(out, "in"), "given");
    const command = shell(`cat ${out}/in > ${out}/copy`, { mounts: [{ host: out, inside: out, writable: true }] });
    expect((await sandbox.run(command, never())).exitCode).toBe(0);
    expect(await readFile(join(out, "copy"), "utf8")).toBe("given");
  });

  test("it works after end() too", async () => {
    const other = await bench.start();
    await other.end();
    expect(await other.run(shell("echo $((6 * 7))"), never())).toMatchObject({ exitCode: 0, output: Buffer.from("42\n") });
  });
});
