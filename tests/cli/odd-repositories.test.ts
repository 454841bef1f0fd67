import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { git, Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let ground: Playground;
let greet: string[];

beforeAll(async () => {
  ground = await Playground.make();
  await ground.start(ground.folder, "up", "--port", "0", ...(await ground.sandbox())).says("slipway jobs");
  greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
});

afterAll(async () => await ground[Symbol.asyncDispose]());

test("a linked worktree: the branch that is checked out there is moved with its files, and the main checkout stays", async () => {
  const root = await ground.repository("main checkout");
  const linked = join(ground.folder, "linked worktree");
  await git(root, "worktree", "add", "--quiet", "-b", "side", linked);
  const before = await git(root, "rev-parse", "main");
  const { code, stdout } = await ground.slipway(linked, "run", "Write a greeting", "--into", "side", ...greet);
  expect([code, stdout.includes("on side")]).toEqual([0, true]);
  expect(await git(linked, "show", "HEAD:greeting.txt")).toBe("hello");
  expect(await git(linked, "status", "--porcelain")).toBe("");
  expect([await git(root, "rev-parse", "main"), await git(root, "status", "--porcelain")]).toEqual([before, ""]);
});

test("a shallow clone gets its result like any other", async () => {
  const origin = await ground.repository("deep");
  await git(origin, "commit", "--quiet", "--allow-empty", "--message", "second");
  const clone = join(ground.folder, "shallow clone");
  await execa("git", ["clone", "--quiet", "--depth", "1", `file://${origin}`, clone]);
  const { code, stdout } = await ground.slipway(clone, "run", "Write a greeting", ...greet);
  expect(code).toBe(0);
  const [branch = ""] = /slipway\/write-a-greeting\S*/.exec(stdout) ?? [];
  expect(await git(clone, "show", `${branch}:greeting.txt`)).toBe("hello");
});

test("a bare repository is named as what it is, and nothing is submitted", async () => {
  const bare = join(ground.folder, "bare.git");
  await git(ground.folder, "init", "--quiet", "--bare", bare);
  const { code, stderr } = await ground.slipway(bare, "run", "x", ...greet);
  expect([code, stderr.split("\n")[0]]).toEqual([2, `error INVALID_REQUEST: ${bare} is a bare repository, not a checkout.`]);
});

test("without gates the result lands, and it is said that nothing was tested", async () => {
  const root = await ground.repository("gateless", { ".slipway.yaml": "version: 1\n" });
  const { code, stdout } = await ground.slipway(root, "run", "Write a greeting", ...greet);
  expect(code).toBe(0);
  expect(stdout).toContain("Nothing was tested");
});

test("without an agent chosen it is the choice that is asked for", async () => {
  const root = await ground.repository("undecided");
  const { code, stderr } = await ground.slipway(root, "run", "Write a greeting");
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error INVALID_REQUEST: No agent was chosen/);
  expect(stderr).toContain("--backend NAME");
});

test("submodules are warned of, and a file name cannot take over the terminal", async () => {
  const lib = await ground.repository("lib");
  const root = await ground.repository("with a submodule");
  await execa("git", ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lib, "lib"], { cwd: root });
  await git(root, "commit", "--quiet", "--message", "lib");
  await writeFile(join(root, "evil\x1b[2Jname"), "x");
  const { code, stderr } = await ground.slipway(root, "run", "Write a greeting", ...greet);
  expect(code).toBe(0);
  expect(stderr.replaceAll("\n", " ")).toMatch(/1 uncommitted change .*evilname.* This repository has submodules/);
  expect(stderr).not.toContain("\x1b");
});

test("a failed gate is told with what it printed, as lines", async () => {
  const root = await ground.repository("red", {
    ".slipway.yaml": "version: 1\nrepairs: 0\ngates:\n  - name: lint\n    run: if test -e greeting.txt; then echo line 3 is wrong; exit 4; fi\n",
  });
  const { code, stdout } = await ground.slipway(root, "run", "Write a greeting", ...greet);
  expect(code).toBe(1);
  expect(stdout).toContain("  gate lint, exit 4:\n    line 3 is wrong\n");
  expect(stdout).not.toContain('{"name"');
});
