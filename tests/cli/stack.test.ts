import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { git, Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let ground: Playground;
let sandbox: string[];
beforeEach(async () => {
  ground = await Playground.make();
  const { stdout } = await ground.slipway(ground.folder, "doctor", "--json");
  const found = (JSON.parse(stdout).checks as Array<{ name: string; ok: boolean }>).find(({ name }) => name === "bubblewrap");
  sandbox = found?.ok ? [] : ["--sandbox", "none"];
});
afterEach(async () => await ground[Symbol.asyncDispose]());

async function serverPid(): Promise<number> {
  return (JSON.parse(await readFile(join(ground.data, "server.json"), "utf8")) as { pid: number }).pid;
}

test("run needs no server: it starts one for the time of the command, and show reads the job afterwards", async () => {
  const root = await ground.repository("alone");
  const greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
  const { code, stdout, stderr } = await ground.slipway(root, "run", "Write a greeting", ...sandbox, ...greet);
  expect([code, stderr.replaceAll("\n", " ").replace(/^warning: sandbox: none.*/, "")]).toEqual([0, ""]);
  expect(stdout).toContain("landed");
  expect(existsSync(join(ground.data, "server.json"))).toBe(false);
  expect(await git(root, "branch", "--list", "slipway/*")).not.toBe("");
  const shown = await ground.slipway(root, "show", "1");
  expect(shown.code).toBe(0);
  expect(shown.stdout).toContain("done");
  expect(existsSync(join(ground.data, "server.json"))).toBe(false);
});

test("up starts a crashed process again and says so; Ctrl-C stops all", async () => {
  const up = ground.start(ground.folder, "up", "--port", "0", ...sandbox);
  await up.says("slipway jobs");
  const pid = await serverPid();
  process.kill(pid, "SIGKILL");
  await up.says("the server ended unexpectedly");
  await up.says("the server is up again");
  expect(await serverPid()).not.toBe(pid);
  up.signal("SIGINT");
  const { code, stdout } = await up.end();
  expect(code).toBe(0);
  expect(stdout).toContain("Stopped.");
  expect(existsSync(join(ground.data, "server.json"))).toBe(false);
});

test("the stack ends when the command line is killed", async () => {
  const up = ground.start(ground.folder, "up", "--port", "0", ...sandbox);
  await up.says("slipway jobs");
  const pid = await serverPid();
  up.signal("SIGKILL");
  await up.end();
  await expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false);
});

test("Ctrl-C in a run with a server of its own leaves no process", async () => {
  const root = await ground.repository("hang");
  const hang = await ground.script("hang", [{ print: "I hang." }, { hang: { heartbeatMs: 1_000 } }]);
  const run = ground.start(root, "run", "Hang", ...sandbox, ...hang);
  await run.says("I hang.");
  const pid = await serverPid();
  run.signal("SIGINT");
  expect((await run.end()).code).toBe(130);
  expect(isAlive(pid)).toBe(false);
});

test("a detached run goes on in the background, and its server ends after it", async () => {
  const root = await ground.repository("detached run");
  const slow = await ground.script("slow", [{ sleep: 1_500 }, { write: { path: "slow.txt", content: "slow\n" } }]);
  const detached = await ground.slipway(root, "run", "Be slow", "--detach", ...sandbox, ...slow);
  expect(detached.code).toBe(0);
  const pid = await serverPid();
  expect((await ground.slipway(root, "logs", "-f", "1")).code).toBe(0);
  await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
  expect((await ground.slipway(root, "fetch", "1")).code).toBe(0);
  expect(await git(root, "branch", "--list", "slipway/*")).not.toBe("");
});

test("the demo ends as it should", async () => {
  const { code, stdout, stderr } = await ground.slipway(ground.folder, "demo", "--folder", join(ground.folder, "demo"));
  expect([code, stderr.startsWith("error")], stdout + stderr).toEqual([0, false]);
  expect(stdout).toMatch(/Add multiply +landed/);
  expect(stdout).toMatch(/Add divide +landed/);
  expect(stdout).toMatch(/Make CI green +refused with SCOPE_VIOLATION/);
  expect(stdout).toContain("slipway run");
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH: it is gone, which is the answer.
  }
}
