import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { git, Playground } from "./slipway.ts";

let ground: Playground;
beforeAll(async () => {
  ground = await Playground.make();
});
afterAll(async () => await ground[Symbol.asyncDispose]());

const NODE = { "package.json": '{"scripts": {"test": "node --test"}, "dependencies": {"left-pad": "1"}}', "package-lock.json": "{}" };

/** A repository without the file that the playground gives to all. */
async function bare(name: string, files: Record<string, string>): Promise<string> {
  const root = await ground.repository(name, files);
  await rm(join(root, ".slipway.yaml"));
  return root;
}

test("without a terminal it prints and writes nothing; --yes writes what was printed", { timeout: 60_000 }, async () => {
  const root = await bare("a repo", NODE);
  const look = await ground.slipway(root, "init");
  expect(look).toMatchObject({ code: 0, stderr: "" });
  expect(look.stdout).toContain("    - npm ci");
  expect(look.stdout).toContain("egress:\n  setup:\n    # where npm gets packages\n    - registry.npmjs.org\n");
  expect(look.stdout).toContain("`slipway init --yes` writes it");
  expect(look.stdout).toContain("git does not ignore node_modules/");
  await expect(readFile(join(root, ".slipway.yaml"))).rejects.toMatchObject({ code: "ENOENT" });

  const { code, stdout } = await ground.slipway(root, "init", "--yes", "--json");
  const answer = JSON.parse(stdout) as { file: string; written: boolean; text: string; config: { gates: unknown[] } };
  expect([code, answer.written, answer.file]).toEqual([0, true, join(root, ".slipway.yaml")]);
  expect(answer.config.gates).toEqual([{ name: "test", run: "npm test", timeoutSeconds: 300 }]);
  expect(await readFile(answer.file, "utf8")).toBe(answer.text);
  expect(await ground.slipway(root, "config", "check")).toMatchObject({ code: 0 });
});

test("a file that is there stays, unless --force; then the change is shown", { timeout: 60_000 }, async () => {
  const root = await ground.repository("there", { ...NODE, ".gitignore": "node_modules\n" });
  const before = await readFile(join(root, ".slipway.yaml"), "utf8");
  const refused = await ground.slipway(root, "init", "--yes");
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toContain("slipway init --force");
  const shown = await ground.slipway(root, "init", "--force");
  expect(shown.stdout).toContain("-     run: test -f README.md");
  expect(shown.stdout).toContain("+     run: npm test");
  expect(shown.stdout).not.toContain("does not ignore");
  expect(await readFile(join(root, ".slipway.yaml"), "utf8")).toBe(before);
  expect(await ground.slipway(root, "init", "--force", "--yes")).toMatchObject({ code: 0 });
  expect(await readFile(join(root, ".slipway.yaml"), "utf8")).toContain("run: npm test");
  expect((await ground.slipway(root, "init", "--force", "--yes")).stdout).toContain("Nothing to change");
});

test("a repository before its first commit is fine; outside of one it says so", { timeout: 60_000 }, async () => {
  const root = join(ground.folder, "fresh");
  await git(ground.folder, "init", "--quiet", "fresh");
  await writeFile(join(root, "go.mod"), "module x\n");
  expect(await ground.slipway(root, "init", "--yes")).toMatchObject({ code: 0 });
  expect(await readFile(join(root, ".slipway.yaml"), "utf8")).toContain("go test ./...");
  const outside = await ground.slipway(ground.folder, "init");
  expect(outside).toMatchObject({ code: 2 });
  expect(outside.stderr).toContain("git init");
});
