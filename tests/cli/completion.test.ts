import { chmod, mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bashScript } from "@slipway/cli/completion/bash";
import { allCommands, commandWords } from "@slipway/cli/completion/command-words";
import { fishScript } from "@slipway/cli/completion/fish";
import { zshScript } from "@slipway/cli/completion/zsh";
import { slipwayProgram } from "@slipway/cli/program";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

const MAIN = fileURLToPath(new URL("../../apps/cli/src/main.ts", import.meta.url));
const WORDS = commandWords(slipwayProgram());

let ground: Playground;
let bin: string;
beforeAll(async () => {
  ground = await Playground.make();
  bin = join(ground.folder, "bin");
  await mkdir(bin);
  await writeFile(join(bin, "slipway"), `#!/bin/sh\nexec '${process.execPath}' --disable-warning=ExperimentalWarning '${MAIN}' "$@"\n`);
  await chmod(join(bin, "slipway"), 0o755);
  await writeFile(join(ground.folder, "completion.bash"), bashScript(WORDS));
});
afterAll(async () => await ground[Symbol.asyncDispose]());

/** What bash offers when Tab is pressed after these words, the last of which may be begun. */
async function offered(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const program = `source completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _slipway; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { ...ground.environment, PATH: bin + delimiter + (process.env["PATH"] ?? ""), ...environment };
  const { stdout, stderr } = await execa("bash", ["--norc", "-c", program, "bash", "slipway", ...words], { cwd: ground.folder, env, extendEnv: false });
  expect(stderr).toBe("");
  return stdout.split("\n").filter((line) => line !== "");
}

describe("bash", () => {
  test("commands, and those below a command", async () => {
    const all = await offered([""]);
    expect(all).toEqual(expect.arrayContaining(["run", "jobs", "repos", "completion"]));
    expect(all).not.toContain("help");
    expect(await offered(["re"])).toEqual(["retry", "replay", "revise", "repos"]);
    expect(await offered(["repos", ""])).toEqual(["list", "add", "show", "set", "sync", "resolve"]);
    expect(await offered(["--json", "repos", "s"])).toEqual(["show", "set", "sync"]);
    expect(await offered(["completion", ""])).toEqual(["bash", "zsh", "fish"]);
  });

  test("options, a group's usual command's too; hidden ones are not told", async () => {
    expect(await offered(["repos", "set", "ship", "--m"])).toEqual(["--max-running"]);
    expect(await offered(["workers", "--st"])).toEqual(["--state"]);
    expect(await offered(["completion", "--"])).toEqual(["--help"]);
    expect(await offered(["--v"])).toEqual(["--version"]);
  });

  test("values of options, and files where any value will do; a value is taken for no command", async () => {
    expect(await offered(["jobs", "--state", "b"])).toEqual(["blocked"]);
    expect(await offered(["token", "create", "--role", "sub"])).toEqual(["submitter"]);
    expect(await offered(["jobs", "--data", "compl"])).toEqual(["completion.bash"]);
    expect(await offered(["repos", "add", "--default-branch", "list", "--max"])).toEqual(["--max-running"]);
  });

  test("numbers of jobs from the server that runs; nothing, and no word of it, without one", async () => {
    expect(await offered(["show", ""])).toEqual([]);
    await using server = await TestServer.start();
    const { view } = await server.repository();
    for (let job = 0; job < 3; job += 1) await server.submit(view.name);
    const file = join(ground.folder, "admin.token");
    await writeFile(file, server.tokens.admin);
    const there = { SLIPWAY_URL: server.url, SLIPWAY_TOKEN_FILE: file };
    expect((await offered(["cancel", ""], there)).toSorted()).toEqual(["1", "2", "3"]);
    expect(await offered(["logs", "-f", "2"], there)).toEqual(["2"]);
  });

  test("the command prints the script, and says how to install it", async () => {
    expect((await ground.slipway(ground.folder, "completion", "bash")).stdout).toBe(bashScript(WORDS).trimEnd());
    expect((await ground.slipway(ground.folder, "completion", "--help")).stdout).toContain('eval "$(slipway completion bash)"');
    const none = await ground.slipway(ground.folder, "completion");
    expect([none.code, none.stdout]).toEqual([2, ""]);
    expect(none.stderr).toContain("bash, zsh or fish");
  });
});

const OTHERS = [
  ["zsh", zshScript(WORDS)],
  ["fish", fishScript(WORDS)],
] as const;

describe.each(OTHERS)("%s", (shell, script) => {
  test("the script names every command and option", () => {
    for (const { options, subcommands } of allCommands(WORDS)) {
      for (const { name, summary } of subcommands) {
        expect(script).toMatch(new RegExp(`\\b${name}\\b`));
        expect(summary).not.toBe("");
      }
      for (const { flags } of options) expect(script).toContain(shell === "fish" ? ` ${flags.at(-1)?.replace(/^--/, "-l ")} ` : flags.at(-1));
    }
  });

  test("quotes are closed on every line", () => {
    // Escaped ones stand for themselves: '\'' in zsh, \' in fish.
    for (const line of script.split("\n").filter((text) => !text.startsWith("#"))) {
      const quotes = line.replaceAll(shell === "zsh" ? "'\\''" : "\\'", "").split("'").length - 1;
      expect(quotes % 2, line).toBe(0);
    }
  });

  test("the shell itself reads it, where it is installed", async ({ skip }) => {
    const found = await execa(shell, ["--version"], { reject: false });
    if (found.exitCode !== 0) skip(`${shell} is not installed`);
    const file = join(ground.folder, `completion.${shell}`);
    await writeFile(file, script);
    const { exitCode, stderr } = await execa(shell, ["-n", file], { reject: false });
    expect([exitCode, stderr]).toEqual([0, ""]);
  });
});
