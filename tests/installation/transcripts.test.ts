import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Playground } from "../cli/slipway.ts";
import { Terminal } from "./terminal.ts";
import { expectTranscript } from "./transcript.ts";

/** What real commands print, word by word, in a terminal and without one: `transcripts/`. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let ground: Playground;
let green: string;
let red: string;
let greet: string[];

beforeAll(async () => {
  ground = await Playground.make();
  // Without isolation on every machine, so that all of them print the same.
  await ground.start(ground.folder, "up", "--port", "0", "--sandbox", "none").says("slipway jobs");
  greet = await ground.script("greet", [{ print: "I write a greeting." }, { write: { path: "greeting.txt", content: "hello\n" } }]);
  green = await ground.repository("green");
  red = await ground.repository("red", { ".slipway.yaml": "version: 1\nrepairs: 0\ngates:\n  - {name: test, run: 'echo line 3 is wrong; exit 4'}\n" });
});
afterAll(async () => await ground[Symbol.asyncDispose]());

async function inTerminal(cwd: string, ...args: string[]): Promise<{ code: number; text: string }> {
  await using terminal = await Terminal.run(ground, cwd, args);
  const code = await terminal.exitCode();
  return { code, text: await terminal.screen({ all: true }) };
}

/** Both streams, and how it ended. */
async function piped(cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ground.slipway(cwd, ...args);
  return `$ slipway ${args.join(" ")}\n${[stdout, stderr].filter(Boolean).join("\n")}\n[exit ${code}]\n`;
}

// One after another: the numbers of the jobs are in the transcripts.
test("jobs that land and fail, and what is shown of them", async () => {
  const landed = await inTerminal(green, "run", "Write a greeting", ...greet);
  expect(landed.code, landed.text).toBe(0);
  await expectTranscript("terminal-run-lands", landed.text, ground.folder);
  const failed = await inTerminal(red, "run", "Write a greeting", ...greet);
  expect(failed.code, failed.text).toBe(1);
  await expectTranscript("terminal-run-gate-fails", failed.text, ground.folder);
  const [, job = ""] = /^job (\d+) failed/m.exec(failed.text) ?? [];
  await expectTranscript("pipe-show", await piped(red, "show", job), ground.folder);
  await expectTranscript("pipe-explain", await piped(red, "explain", job), ground.folder);
  const again = await ground.slipway(green, "run", "Write a greeting", ...greet);
  await expectTranscript("pipe-run-lands", `${again.stdout}\n[exit ${again.code}]`, ground.folder);
});

test("wrong usage", async () => {
  const texts: string[] = [];
  for (const args of [["frobnicate"], ["run"], ["run", "x", "--timeout", "soon"], ["show", "999"]]) texts.push(await piped(green, ...args));
  await expectTranscript("pipe-wrong-usage", texts.join("\n"), ground.folder);
});
