import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { usageError } from "@slipway/cli/command-line";
import { exitCodeOfError } from "@slipway/cli/exit-codes";
import { slipwayProgram } from "@slipway/cli/program";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { git, Playground } from "./slipway.ts";

let ground: Playground;
beforeAll(async () => {
  ground = await Playground.make();
});
afterAll(async () => await ground[Symbol.asyncDispose]());

const COMMANDS = slipwayProgram().commands.map((command) => command.name());

test("--help names every command and every exit code, within 80 columns", async () => {
  const { code, stdout } = await ground.slipway(ground.folder, "--help");
  expect(code).toBe(0);
  for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, "m"));
  for (const exit of ["0", "1", "2", "3", "4", "5", "130"]) expect(stdout).toMatch(new RegExp(`^  ${exit} +\\w`, "m"));
  for (const line of stdout.split("\n").slice(0, -1)) expect(line.length, line).toBeLessThanOrEqual(84);
});

test("the README's table names every command, and none that there is not", async () => {
  const readme = await readFile(join(import.meta.dirname, "../../README.md"), "utf8");
  const table = readme.slice(readme.indexOf("## Commands"), readme.indexOf("## More"));
  for (const command of COMMANDS) expect(table).toMatch(new RegExp(`^\\| .*\`(slipway )?${command}\\b`, "m"));
  const named = table
    .split("\n")
    .flatMap((line) => Array.from((/^\| (.*?) \|/.exec(line)?.[1] ?? "").matchAll(/`(?:slipway )?([a-z]+)\b[^`]*`/g), (match) => match[1]));
  expect(named.filter((name) => !COMMANDS.includes(name ?? ""))).toEqual([]);
});

test("--help after a command is printed, and ends with 0", async () => {
  const { code, stdout, stderr } = await ground.slipway(ground.folder, "run", "--help");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain(
    slipwayProgram()
      .commands.find((command) => command.name() === "run")
      ?.helpInformation()
      .trim(),
  );
});

test.each(COMMANDS)("%s --help explains itself", (command) => {
  const stdout = slipwayProgram()
    .commands.find((one) => one.name() === command)
    ?.helpInformation();
  expect(stdout).toContain(`Usage: slipway ${command}`);
  // The scripts that `completion` prints are for a shell, and groups have commands with options of their own.
  if (!["completion", "config", "images", "prompts", "repos", "workers", "token", "backends", "gates", "train", "pr", "notifications"].includes(command))
    expect(stdout).toContain("--json");
});

describe("wrong usage ends with 2 and says what is wrong", () => {
  test.each([
    [["frobnicate"], "unknown command"],
    [["run"], "No task was given"],
    [["submit"], "No task was given"],
    [["run", "x", "--timeout", "soon"], "time such as"],
    [["bench", "--only", "nothing"], "no measurement"],
    [["show", "abc"], "job's number"],
    [["jobs", "--code", "NO_SUCH_CODE"], "a code of docs/errors.md"],
    [["jobs", "--since", "soon"], "time back from now"],
    [["up", "--data", "/dev/null/data"], "cannot be used"],
  ])("slipway %j", async (args, words) => {
    const { code, stdout, stderr } = await ground.slipway(ground.folder, ...args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^error [A-Z_]+: /);
    expect(stderr).toContain(words);
  });

  // Refused before anything is done, so a process of its own shows no more.
  test.each([
    [["doctor", "server"], "Allowed choices are worker"],
    [["doctor", "worker", "--wait", "soon"], "time such as"],
    [["run", "x", "--priority", "high"], "whole number"],
    [["run", "x", "--budget-tokens", "lots"], "number of tokens"],
    [["run", "x", "--budget-tokens", "0"], "number of tokens"],
    [["run", "x", "--budget-usd", ".50"], "US dollars"],
    [["run", "x", "--lane", "fast"], "Allowed choices"],
    [["run", "x", "--after", "tomorrow"], "time from now such as 30m"],
    [["run", "x", "--depends-on", "abc"], "job's number"],
    [["run", "x", "--require", "A worker"], "capability"],
    [["submit", "x", "--max-attempts", "0"], "whole number from 1 to 20"],
    [["submit", "x", "--revisions", "11"], "whole number from 0 to 10"],
    [["submit", "x", "--queue-timeout", "long"], "time such as"],
    [["submit", "x", "--sandbox", "podman"], "bwrap, docker or none"],
    [["up", "--sandbox", "maybe"], "bwrap, docker or none"],
    [["jobs", "--state", "happy"], "Allowed choices"],
    [["jobs", "--nonsense"], "unknown option"],
    [["run", "x", "--into", "two words"], "branch name"],
  ])("slipway %j is not parsed", async (args, words) => {
    const refused = await slipwayProgram()
      .parseAsync(["node", "slipway", ...args])
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: "CommanderError", message: expect.stringContaining(words) });
    const error = usageError(refused as Parameters<typeof usageError>[0]);
    expect([error.code, exitCodeOfError(error)]).toEqual(["INVALID_REQUEST", 2]);
    expect(error.message).not.toMatch(/^error/);
  });
});

test("outside of a repository, run ends with 2 and starts nothing", async () => {
  const { code, stderr } = await ground.slipway(ground.folder, "run", "x");
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error INVALID_REQUEST: .*no git repository/);
});

test.each([
  [["--base", "nowhere"], "BASE_NOT_FOUND"],
  [["--backend-config", "script"], "INVALID_REQUEST"],
  [["--backend-config", "script=@/nowhere.yaml"], "INVALID_REQUEST"],
  [["--model", "one", "--backend-config", "model=other"], "INVALID_REQUEST"],
])("a mistake that shows without a server starts none: %j", async (args, error) => {
  const root = await ground.repository(`sound ${args.join(" ").replaceAll("/", "-")}`);
  const { code, stdout, stderr } = await ground.slipway(root, "run", "x", "--data", join(ground.folder, "untouched"), ...args);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(new RegExp(`^error ${error}: `));
  expect(existsSync(join(ground.folder, "untouched"))).toBe(false);
});

test("SLIPWAY_URL that is no address is named as such", async () => {
  const { code, stderr } = await ground.with({ SLIPWAY_URL: "nonsense" }).slipway(ground.folder, "jobs");
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error INVALID_REQUEST: SLIPWAY_URL is no address: nonsense/);
});

test("a repository without a commit is told so", async () => {
  const root = join(ground.folder, "empty");
  await mkdir(root);
  await git(root, "init", "--quiet");
  const { code, stderr } = await ground.slipway(root, "run", "x");
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error REPOSITORY_EMPTY: /);
});

test("a repository with a wrong .slipway.yaml: each problem once, with its line and what to do", async () => {
  const root = await ground.repository("wrong config", { ".slipway.yaml": "version: 1\nrepairs: many\ngates:\n  - name: test\n    rum: npm test\n" });
  const { code, stderr } = await ground.slipway(root, "run", "x", "--sandbox", "none", "--data", join(ground.folder, "other-data"));
  expect(code).toBe(2);
  const errors = stderr.slice(stderr.indexOf("error "));
  expect(errors).toMatch(/^error INVALID_CONFIG: 3 problems in \.slipway\.yaml:\n/);
  for (const place of [".slipway.yaml:2:10: repairs", ".slipway.yaml:4:5: gates[0].run", ".slipway.yaml:5:5: gates[0].rum"])
    expect(errors.split(place)).toHaveLength(2);
  expect(errors).toContain("commit that");
  expect(errors).not.toContain("{");
});

test("commands on jobs say that there are none yet, before anything ran", async () => {
  const { code, stderr } = await ground.slipway(ground.folder, "jobs");
  expect(code).toBe(2);
  expect(stderr).toContain("There are no jobs yet");
  expect(stderr).toContain("slipway run");
});

test("submit needs a server and says how to get one", async () => {
  const root = await ground.repository("lonely");
  const { code, stderr } = await ground.slipway(root, "submit", "x");
  expect(code).toBe(5);
  expect(stderr).toMatch(/^error SERVER_UNAVAILABLE: /);
  expect(stderr).toContain("slipway up");
});

test.each([["jobs", "--bogus"], ["run"], ["show", "abc"], ["bench", "--only", "nothing"]])(
  "with --json wrong usage is a JSON document too: %j",
  async (...args) => {
    const { code, stdout, stderr } = await ground.slipway(ground.folder, ...args, "--json");
    expect([code, stderr]).toEqual([2, ""]);
    expect(JSON.parse(stdout).error).toMatchObject({ code: "INVALID_REQUEST", message: expect.any(String), hint: expect.any(String) });
  },
);

test("with --json an error is one JSON document on standard output", async () => {
  const { code, stdout, stderr } = await ground.slipway(ground.folder, "jobs", "--json");
  expect([code, stderr]).toEqual([2, ""]);
  expect(JSON.parse(stdout).error).toMatchObject({ code: "NOT_FOUND", hint: expect.any(String) });
});

test("version and doctor answer in JSON", async () => {
  const version = await ground.slipway(ground.folder, "version", "--json");
  expect(JSON.parse(version.stdout)).toMatchObject({ slipway: expect.stringMatching(/^\d+\./), node: process.version });
  const doctor = await ground.slipway(ground.folder, "doctor", "--json", "--sandbox", "none");
  const report = JSON.parse(doctor.stdout);
  expect(doctor.code).toBe(report.ok ? 0 : 1);
  expect(new Set(report.checks.map((check: { group: string }) => check.group))).toEqual(
    new Set(["node", "git", "sandbox", "disk", "data folder", "configuration", "server", "worker", "clock", "backends", "gateway"]),
  );
  for (const check of report.checks)
    if (!check.ok) expect(check).toMatchObject({ tried: expect.any(String), found: expect.any(String), lost: expect.any(String), remedy: expect.any(String) });
});

test("doctor reads .slipway.yaml and ends with 1 where it is wrong", async () => {
  const root = await ground.repository("wrong", { ".slipway.yaml": "version: 1\ngates:\n  - name: test\n    rum: npm test\n" });
  const { code, stdout } = await ground.slipway(root, "doctor", "--sandbox", "none");
  expect(code).toBe(1);
  expect(stdout).toContain(".slipway.yaml:3:5: gates[0].run");
});
