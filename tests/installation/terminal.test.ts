import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Playground } from "../cli/slipway.ts";
import { Terminal } from "./terminal.ts";

/** What only a real terminal shows: the line at the bottom, Ctrl-C, the editor. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let ground: Playground;
let hang: string[];

beforeAll(async () => {
  ground = await Playground.make();
  await ground.start(ground.folder, "up", "--port", "0", ...(await ground.sandbox())).says("slipway jobs");
  hang = await ground.script("hang", [{ print: "I hang." }, { hang: { heartbeatMs: 1_000 } }]);
});
afterAll(async () => await ground[Symbol.asyncDispose]());

/** The last line of the screen. */
function bottom(screen: string): string {
  return screen.split("\n").at(-1) ?? "";
}

async function stateOf(screen: string): Promise<string> {
  const [, number = ""] = /job (\d+)/.exec(screen) ?? [];
  return JSON.parse((await ground.slipway(ground.folder, "show", number, "--json")).stdout).job.state;
}

describe("run on a terminal", () => {
  test("one line at the bottom says where the job is; it is gone at the end, and the lines above stay", async () => {
    const root = await ground.repository("live");
    const steps = await ground.script("live", [{ print: "I write a greeting." }, { sleep: 1_500 }, { write: { path: "greeting.txt", content: "hello\n" } }]);
    await using terminal = await Terminal.run(ground, root, ["run", "Write a greeting", ...steps]);
    const during = await terminal.shows(/^job \d+ · turn 1 \(\d+ s\) · [1-9]\d* s$/m);
    expect(bottom(during)).toMatch(/^job \d+ · turn 1 \(\d+ s\) · \d+ s$/);
    expect(await terminal.exitCode()).toBe(0);
    const after = await terminal.screen({ all: true });
    expect(after).not.toMatch(/^job \d+ · turn/m);
    expect(after.match(/I write a greeting\./g)).toHaveLength(1);
    expect(after).toMatch(/✓ landed [0-9a-f]{7} on slipway\/write-a-greeting/);
    expect(after).toContain("Next:");
  });

  test.each([40, 80])("at %i columns gates are told by name in a line of their own, the page as an address, and nothing of it stays", async (columns) => {
    const gates = "  - name: lint\n    run: sleep 1\n  - name: test\n    run: sleep 2; test -f greeting.txt\n";
    const root = await ground.repository(`gates ${columns}`, { ".slipway.yaml": `version: 1\ngates:\n${gates}` });
    const steps = await ground.script("gates", [{ write: { path: "other.txt", content: "x\n" } }], [{ write: { path: "greeting.txt", content: "hello\n" } }]);
    await using terminal = await Terminal.run(ground, root, ["run", "Write it", ...steps], { columns });
    const first = await terminal.shows(/^gates: ✓ lint {2}… test\njob \d+ · gates \(\d+ s\)/m);
    expect(first).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/jobs\/\d+$/m);
    expect(first.split("\n").filter((line) => /^job \d+ · (?!Write)/.test(line))).toHaveLength(1);
    await terminal.shows(/^gates, round 2: (… lint|✓ lint)/m);
    expect(await terminal.exitCode()).toBe(0);
    const after = await terminal.screen({ all: true });
    expect(after).not.toMatch(/^gates[:,]|^job \d+ · (gates|turn)/m);
    expect(after).toContain("✗ gate test failed");
  });

  test("a window that becomes narrow, and wide again, keeps one such line", async () => {
    const root = await ground.repository("narrow");
    await using terminal = await Terminal.run(ground, root, ["run", "Hang", ...hang], { columns: 100 });
    await terminal.shows(/turn 1 \(\d+ s\) · \d+ s$/m);
    for (const columns of [14, 40, 20, 90]) {
      await terminal.resize(columns, 40);
      await terminal.shows(/^job \d+( · turn 1 \(\d+ s\))?( · \d+ s)?$/m);
      const lines = (await terminal.screen()).split("\n").filter((line) => /^job \d+( · .*)?$/.test(line));
      expect(lines, String(columns)).toHaveLength(1);
    }
    await terminal.type("C-c");
    await terminal.shows(/Cancel it/);
    await terminal.type("Enter");
    expect(await terminal.exitCode()).toBe(130);
  });

  test.each([40, 80])("at %i columns no line of it is broken, wide signs counted as two", async (columns) => {
    const root = await ground.repository(`wide ${columns}`);
    const steps = await ground.script("wide", [{ print: "漢字".repeat(30) }, { write: { path: "漢.txt", content: "x\n" } }]);
    await using terminal = await Terminal.run(ground, root, ["run", `Schreibe ${"Grüße 漢字 👍 ".repeat(6)}`, ...steps], { columns, rows: 60 });
    expect(await terminal.exitCode()).toBe(0);
    const lines = (await terminal.screen({ all: true })).split("\n");
    // What is broken between two signs of a word would begin a line without the room for the time.
    const spoken = lines.filter((line) => /漢字漢字/.test(line));
    expect(spoken.length).toBeGreaterThan(1);
    for (const line of spoken) expect(line).toMatch(/^(.{8} │ | {11})漢/);
  });

  test("TERM=dumb and --quiet have nothing that is drawn over", async () => {
    const root = await ground.repository("plain");
    const steps = await ground.script("quick", [{ write: { path: "a.txt", content: "a\n" } }]);
    await using dumb = await Terminal.run(ground, root, ["run", "Write a", ...steps], { env: { TERM: "dumb" } });
    expect(await dumb.exitCode()).toBe(0);
    await using quiet = await Terminal.run(ground, root, ["run", "Write a", "--quiet", ...steps]);
    expect(await quiet.exitCode()).toBe(0);
    const told = await dumb.screen({ all: true, colors: true });
    expect(told).toContain("queued");
    expect(told).not.toContain("\x1b[");
    expect(await quiet.screen({ all: true })).toMatch(/^\s*✓ landed/);
  });

  test("colours only on a terminal, and not with NO_COLOR; FORCE_COLOR changes neither", async () => {
    const painted = async (env: NodeJS.ProcessEnv): Promise<boolean> => {
      await using terminal = await Terminal.run(ground, ground.folder, ["jobs"], { env });
      expect(await terminal.exitCode()).toBe(0);
      return (await terminal.screen({ all: true, colors: true })).includes("\x1b[");
    };
    expect([await painted({}), await painted({ NO_COLOR: "1" }), await painted({ NO_COLOR: "1", FORCE_COLOR: "1" })]).toEqual([true, false, false]);
    const piped = await ground.with({ FORCE_COLOR: "1" }).slipway(ground.folder, "jobs");
    expect(piped.stdout).toContain("Write a");
    expect(piped.stdout).not.toContain("\x1b");
  });
});

describe("Ctrl-C on a terminal asks", () => {
  async function interrupted(name: string): Promise<Terminal> {
    const root = await ground.repository(name);
    const terminal = await Terminal.run(ground, root, ["run", "Hang", ...hang]);
    await terminal.shows(/turn 1 \(\d+ s\) · \d+ s$/m);
    await terminal.type("C-c");
    await terminal.shows(/Job \d+ is at work\.[\s\S]*Cancel it[\s\S]*Detach[\s\S]*Go on watching/);
    return terminal;
  }

  test("and cancels", async () => {
    await using terminal = await interrupted("ask cancel");
    await terminal.type("Enter");
    expect(await terminal.exitCode()).toBe(130);
    const screen = await terminal.screen();
    expect(screen).toMatch(/^job \d+ was cancelled\.$/m);
    expect(await stateOf(screen)).toBe("cancelled");
  });

  test("and detaches: the job goes on, and what to type is said", async () => {
    await using terminal = await interrupted("ask detach");
    await terminal.type("Down", "Enter");
    expect(await terminal.exitCode()).toBe(0);
    const screen = await terminal.screen();
    expect(screen).toMatch(/^job \d+ goes on in the background\.$/m);
    const [, job = ""] = /slipway cancel (\d+)/.exec(screen) ?? [];
    expect(await stateOf(screen)).toBe("running");
    expect((await ground.slipway(ground.folder, "cancel", job)).code).toBe(0);
  });

  test("and goes on watching; a second press at the question cancels nothing by itself", async () => {
    await using terminal = await interrupted("ask on");
    await terminal.type("Down", "Down", "Enter");
    const screen = await terminal.shows(/Go on watching[\s\S]*turn 1 \(\d+ s\) · \d+ s$/m);
    expect(await stateOf(screen)).toBe("running");
    await terminal.type("C-c");
    await terminal.shows(/at work[\s\S]*at work/);
    await terminal.type("Enter");
    expect(await terminal.exitCode()).toBe(130);
  });
});

describe("without a task an editor opens on a terminal", () => {
  async function editor(name: string, script: string): Promise<string> {
    const path = join(ground.folder, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  }

  test("with a template whose lines are left out; headings stay", async () => {
    const root = await ground.repository("edited");
    const seen = join(ground.folder, "seen.md");
    const command = `${await editor("write", `cp "$2" "${seen}"; printf '# Heading\\r\\nSay hello\\r\\n' | cat - "$2" > "$2.new" && mv "$2.new" "$2"`)} --wait`;
    const steps = await ground.script("edited", [{ write: { path: "hello.txt", content: "hello\n" } }]);
    await using terminal = await Terminal.run(ground, root, ["run", ...steps], { env: { VISUAL: command, EDITOR: "false" } });
    expect(await terminal.exitCode(), await terminal.screen()).toBe(0);
    expect(await readFile(seen, "utf8")).toMatch(/^#\| /m);
    const [, job = ""] = /job (\d+)/.exec(await terminal.screen()) ?? [];
    expect(JSON.parse((await ground.slipway(root, "show", job, "--json")).stdout).job.task).toBe("# Heading\nSay hello");
  });

  test("an empty text, an editor that fails and no editor at all submit nothing and end with 2", async () => {
    const root = await ground.repository("unedited");
    for (const [env, words] of [
      [{ EDITOR: "true" }, /INVALID_REQUEST: The task is empty/],
      [{ EDITOR: await editor("fails", "exit 3") }, /INVALID_REQUEST: The editor `.*fails` ended with exit code 3/],
      [{}, /INVALID_REQUEST: No task was given, and neither VISUAL nor EDITOR/],
    ] as const) {
      await using terminal = await Terminal.run(ground, root, ["run"], { env: { ...env } });
      expect(await terminal.exitCode()).toBe(2);
      // The terminal breaks a long line where it ends.
      expect((await terminal.screen()).replaceAll("\n", "")).toMatch(words);
    }
    // The server has not even heard of the repository.
    expect((await ground.slipway(root, "jobs", "--here")).stderr).toMatch(/^error NOT_FOUND: /);
  });

  test("what was written is kept where it could not be submitted", async () => {
    const root = await ground.repository("unsent");
    const command = await editor("writes", `echo 'A long text.' > "$1"`);
    await using terminal = await Terminal.run(ground, root, ["run", "--backend", "nobody-has-this"], {
      columns: 160,
      env: { EDITOR: command, TMPDIR: ground.folder },
    });
    expect(await terminal.exitCode()).toBe(2);
    const [, file = ""] = /--task-file (\S+)/.exec(await terminal.screen()) ?? [];
    expect(await readFile(file, "utf8")).toBe("A long text.");
  });
});
