import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Playground } from "../cli/slipway.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const run = promisify(execFile);
const NO_SANDBOX = ["--sandbox", "none"];

let ground: Playground;
let folder: string;
beforeAll(async () => {
  ground = await Playground.make();
  folder = join(ground.folder, "my agent");
  const made = await ground.slipway(ground.folder, "backends", "new", "my-agent", "--folder", folder, "--json");
  expect(made.code, made.stderr).toBe(0);
  expect(JSON.parse(made.stdout)).toMatchObject({ name: "my-agent", folder, files: expect.arrayContaining([".gitignore", "package.json", "src/backend.ts"]) });
  // As a new author has it: nothing but npm and its cache.
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"], { cwd: folder });
});
afterAll(async () => await ground[Symbol.asyncDispose]());

test("the new backend type-checks and passes the conformance suite with npm install and npm test alone", async () => {
  const { stdout } = await run("npm", ["test"], { cwd: folder });
  expect(stdout).toMatch(/a second turn goes on in the same home/);
  expect(stdout).toMatch(/a failing turn ends with its code, BACKEND_AUTH/);
  expect(stdout).toMatch(/# fail 0|ℹ fail 0/);
  expect(await readFile(join(folder, "README.md"), "utf8")).not.toContain("example");
});

test("its suite is no rubber stamp: a turn that says nothing final fails it", async () => {
  const file = join(folder, "agent/tiny-agent.js");
  const sound = await readFile(file, "utf8");
  await writeFile(file, sound.replace('type: "done"', 'type: "over"'));
  await expect(run("npm", ["test"], { cwd: folder })).rejects.toMatchObject({ stdout: expect.stringContaining("said nothing final") });
  await writeFile(file, sound);
});

test("the scripted model server is there as a tool", async () => {
  const server = spawn(join(folder, "node_modules/.bin/slipway-model-server"), ["--scenario", "text"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
    const { baseUrl } = JSON.parse(line);
    const body = JSON.stringify({ model: "any", messages: [{ role: "user", content: "hello" }] });
    const answer = await fetch(`${baseUrl}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body });
    expect(await answer.json()).toMatchObject({ choices: [{ message: { content: "Done: nothing to do." } }] });
  } finally {
    server.kill();
    await once(server, "exit");
  }
});

test("Slipway loads it from its own folder, and a job with it lands", async () => {
  const there = ground.with({ SLIPWAY_BACKENDS: folder });
  const root = await ground.repository("ship");
  const done = await there.slipway(root, "run", "write hello.txt: hello", "--backend", "my-agent", "--json", ...NO_SANDBOX);
  expect(done.code, done.stderr).toBe(0);
  expect(JSON.parse(done.stdout)).toMatchObject({ job: { state: "done", backend: "my-agent", diffStat: { files: 1 } } });
});

test("a name that is taken, or no name, and a folder with something in it are refused", async () => {
  const taken = await ground.slipway(ground.folder, "backends", "new", "script");
  expect([taken.code, taken.stderr]).toEqual([2, expect.stringMatching(/^error INVALID_REQUEST: .*script/)]);
  const wrong = await ground.slipway(ground.folder, "backends", "new", "No Name");
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("my-agent")]);
  const full = await ground.slipway(ground.folder, "backends", "new", "other", "--folder", folder);
  expect([full.code, full.stderr]).toEqual([2, expect.stringContaining("has something in it already")]);
});
