import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { aheadEnvironment, JOB_VARIABLES, tellJob } from "./ahead-environment.ts";

const run = promisify(execFile);
const JOB = { SLIPWAY_JOB: "it's $(one) `job`", SLIPWAY_PORT_BASE: "20000", SLIPWAY_PORT_COUNT: "10" };
const PRINT = JOB_VARIABLES.map((name) => `printf '%s;' "$${name}"`).join("; ");

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "slipway-ahead-"));
});
afterEach(() => rm(home, { recursive: true }));

test("an agent has the same environment whatever its job, and bash finds the job's own in it", async () => {
  const env = { PATH: process.env["PATH"] ?? "", HOME: home };
  const shared = aheadEnvironment({ ...env, ...JOB }, home);
  expect(shared).toEqual(aheadEnvironment({ ...env, SLIPWAY_JOB: "another" }, home));
  // Before the job is known there is nothing to find.
  expect((await run("bash", ["-c", PRINT], { env: shared })).stdout).toBe(";;;");
  await tellJob({ ...env, ...JOB }, home);
  expect((await run("bash", ["-c", PRINT], { env: shared })).stdout).toBe("it's $(one) `job`;20000;10;");
});

test("a shell that asks for a login finds the job in its own startup file, and what stands there stays", async () => {
  await writeFile(join(home, ".profile"), "export MINE=1");
  await tellJob(JOB, home);
  await tellJob(JOB, home);
  const env = aheadEnvironment({ PATH: process.env["PATH"] ?? "", HOME: home }, home);
  expect((await run("sh", ["-lc", `${PRINT}; printf '%s' "$MINE"`], { env })).stdout).toBe("it's $(one) `job`;20000;10;1");
  expect((await readFile(join(home, ".profile"), "utf8")).split("job-environment").length).toBe(3);
  // zsh reads this file for every command; it is not on every machine that tests this.
  expect(await readFile(join(home, ".zshenv"), "utf8")).toContain('. "$HOME/.slipway/job-environment.sh"');
});

test("a socket on the shell's standard input changes nothing", async () => {
  await tellJob(JOB, home);
  const env = aheadEnvironment({ PATH: process.env["PATH"] ?? "", HOME: home }, home);
  const child = spawn("bash", ["-c", PRINT], { env, stdio: ["pipe", "pipe", "inherit"] });
  const [printed] = await Promise.all([text(child.stdout), once(child, "exit")]);
  expect(printed).toContain("20000");
});
