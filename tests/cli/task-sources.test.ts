import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let ground: Playground;
let root: string;
let steps: string[];

beforeAll(async () => {
  ground = await Playground.make();
  await ground.start(ground.folder, "up", "--port", "0", ...(await ground.sandbox())).says("slipway jobs");
  root = await ground.repository("sources");
  // Nobody takes them: what is looked at is what was submitted.
  steps = ["--after", "1h", "--json", ...(await ground.script("none", [{ print: "x" }]))];
});
afterAll(async () => await ground[Symbol.asyncDispose]());

test.each([
  [["--task-file", "../task.md"], "From a file"],
  [["-"], "From a pipe"],
  [["--task-file", "-"], "From a pipe"],
  [["One\r\ntwo\r\n"], "One\ntwo"],
])("submit %j", async (args, task) => {
  await writeFile(join(root, "..", "task.md"), "\ufeffFrom a file\r\n");
  const { stdout } = await ground.slipwayWith("From a pipe\r\n", root, "submit", ...args, ...steps);
  expect(JSON.parse(stdout).job.task).toBe(task);
});

test.each([
  [[], /^error INVALID_REQUEST: No task was given\.\n.*--task-file FILE.*`-`.*VISUAL or EDITOR/],
  [["-"], /^error INVALID_REQUEST: The task is empty/],
])("without a terminal, submit %j with nothing on standard input ends with 2 and says what to do", async (args, words) => {
  const { code, stdout, stderr } = await ground.slipway(root, "submit", ...args);
  expect([code, stdout, stderr]).toEqual([2, "", expect.stringMatching(words)]);
});
