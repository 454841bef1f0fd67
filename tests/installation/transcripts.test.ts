import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Playground } from "../cli/slipway.ts";
import { Terminal } from "./terminal.ts";
import { expectTranscript, normalised } from "./transcript.ts";

/** What real commands print, word by word, in a terminal and without one: `transcripts/`. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let ground: Playground;
let green: string;
let red: string;
let greet: string[];

beforeAll(async () => {
  ground = await Playground.make();
  // Without isolation on every machine, so that all of them print the same.
  await ground.with({ SLIPWAY_WORKER_NAME: "anvil" }).start(ground.folder, "up", "--port", "0", "--sandbox", "none").says("slipway jobs");
  greet = await ground.script("greet", [{ print: "I write a greeting." }, { write: { path: "greeting.txt", content: "hello\n" } }]);
  green = await ground.repository("green");
  red = await ground.repository("red", {
    ".slipway.yaml": "version: 1\nrepairs: 0\ngates:\n  - {name: test, run: 'if test -e greeting.txt; then echo line 3 is wrong; exit 4; fi'}\n",
  });
});
afterAll(async () => await ground[Symbol.asyncDispose]());

async function inTerminal(cwd: string, ...args: string[]): Promise<{ code: number; text: string }> {
  await using terminal = await Terminal.run(ground, cwd, args);
  const code = await terminal.exitCode(90_000);
  return { code, text: await terminal.screen({ all: true }) };
}

/** Both streams, and how it ended. */
async function piped(cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ground.slipway(cwd, ...args);
  return `$ slipway ${args.join(" ")}\n${[stdout, stderr].filter(Boolean).join("\n")}\n[exit ${code}]\n`;
}

/** What is the same in a terminal and without one: one transcript for both. */
async function expectAlike(name: string, place: Playground, data: string, cwd: string, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await place.slipway(cwd, ...args);
  expect(stderr).toBe("");
  await using terminal = await Terminal.run(place, cwd, args, { rows: 200 });
  expect(await terminal.exitCode()).toBe(code);
  const text = (shown: string): string => `$ slipway ${args.join(" ")}\n${shown.trimEnd()}\n[exit ${code}]\n`;
  const [piped = "", inside = ""] = [text(stdout), text(await terminal.screen({ joined: true }))].map((shown) => shown.replaceAll(data, "<data>"));
  expect(normalised(inside, ground.folder)).toBe(normalised(piped, ground.folder));
  await expectTranscript(name, piped, ground.folder);
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
  await expectAlike("show-failed", ground, ground.data, red, "show", job);
  await expectAlike("explain", ground, ground.data, red, "explain", job);
  const [, other = ""] = /^job (\d+) ·/m.exec(landed.text) ?? [];
  await expectAlike("show-landed", ground, ground.data, green, "show", other);
  await expectAlike("jobs", ground, ground.data, green, "jobs");
  const again = await ground.slipway(green, "run", "Write a greeting", ...greet);
  await expectTranscript("pipe-run-lands", `${again.stdout}\n[exit ${again.code}]`, ground.folder);
});

test("wrong usage", async () => {
  const texts: string[] = [];
  for (const args of [["frobnicate"], ["run"], ["run", "x", "--timeout", "soon"], ["show", "999"]]) texts.push(await piped(green, ...args));
  await expectTranscript("pipe-wrong-usage", texts.join("\n"), ground.folder);
});

test("doctor on a machine that has git and nothing else", async () => {
  const bin = join(ground.folder, "bin");
  await mkdir(bin);
  for (const tool of ["git", "sh"]) await symlink(await pathOf(tool), join(bin, tool));
  // A short name, so that lines break between its words.
  const data = await mkdtemp(join(tmpdir(), "sw-"));
  const bare = ground.with({ PATH: bin, SLIPWAY_DATA: data });
  try {
    await expectAlike("doctor", bare, data, red, "doctor", "--sandbox", "none");
    await expectAlike("doctor-worker", bare, data, red, "doctor", "worker", "--sandbox", "none");
  } finally {
    await rm(data, { recursive: true });
  }
});

test("the demo: a board of three lines in a terminal, the lines of each job without one", async () => {
  const shown = await inTerminal(ground.folder, "demo", "--sandbox", "none", "--folder", join(ground.folder, "demo"));
  expect(shown.code, shown.text).toBe(0);
  await expectTranscript("terminal-demo", shown.text, ground.folder);
  const { code, stdout, stderr } = await ground.slipway(ground.folder, "demo", "--sandbox", "none", "--folder", join(ground.folder, "demo-2"));
  expect([code, stderr], stdout).toEqual([0, ""]);
  await expectTranscript("pipe-demo", byJob(stdout), ground.folder);
});

/** The jobs run side by side, so that their lines come mixed: those of each job in their own order. */
function byJob(text: string): string {
  const title = /^(Add multiply|Add divide|Make CI green) {2,}(?= *\d+\.\d s | {11})/;
  const lines = text.split("\n");
  const first = lines.findIndex((line) => title.test(line));
  const mixed = lines.filter((line) => title.test(line));
  const sorted = ["Add multiply", "Add divide", "Make CI green"].flatMap((name) => mixed.filter((line) => line.startsWith(name)));
  return [...lines.slice(0, first), ...sorted, ...lines.slice(first).filter((line) => !title.test(line))].join("\n");
}

test("init proposes, asks, and writes nothing or what was shown", async () => {
  const files = { "package.json": '{"scripts": {"test": "node --test"}}', ".gitignore": "node_modules\n" };
  for (const [name, keys, code] of [
    ["no", ["n"], 0],
    ["ctrl-c", ["C-c"], 130],
    ["yes", ["y"], 0],
  ] as const) {
    const root = await ground.repository(`init-${name}`, files);
    await rm(join(root, ".slipway.yaml"));
    await using terminal = await Terminal.run(ground, root, ["init"]);
    await terminal.shows(/Write \.slipway\.yaml\?/);
    await terminal.type(...keys);
    expect(await terminal.exitCode()).toBe(code);
    await expectTranscript(`terminal-init-${name}`, await terminal.screen({ all: true }), ground.folder);
    const written = await readFile(join(root, ".slipway.yaml"), "utf8").catch((error: NodeJS.ErrnoException) => error.code);
    expect(written).toEqual(name === "yes" ? expect.stringContaining("run: npm test") : "ENOENT");
  }
  // What the question is about, without anybody to answer it.
  const root = await ground.repository("init-piped", files);
  await rm(join(root, ".slipway.yaml"));
  await expectTranscript("pipe-init", await piped(root, "init"), ground.folder);
  await expect(readFile(join(root, ".slipway.yaml"))).rejects.toMatchObject({ code: "ENOENT" });
});

async function pathOf(tool: string): Promise<string> {
  const { stdout } = await execa("sh", ["-c", `command -v ${tool}`]);
  return stdout;
}
