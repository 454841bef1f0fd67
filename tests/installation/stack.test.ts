import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { takeFolderLock } from "@slipway/process/folder-lock";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { git, Playground } from "../cli/slipway.ts";
import { freshSecret, processesWith } from "../support/secret-scan.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let ground: Playground;
let sandbox: string[];
beforeEach(async () => {
  ground = await Playground.make();
  sandbox = await ground.sandbox();
});
afterEach(async () => await ground[Symbol.asyncDispose]());

async function serverPid(): Promise<number> {
  return (JSON.parse(await readFile(join(ground.data, "server.json"), "utf8")) as { pid: number }).pid;
}

test("worker and integrator are started while the server still starts", async () => {
  const up = ground.start(ground.folder, "up", "--port", "0", "--json", ...sandbox);
  await up.says('"ready"');
  // Written when it listens; a log is made when its process is.
  const { mtimeMs: listening } = await stat(join(ground.data, "server.json"));
  for (const part of ["worker", "integrator"]) expect((await stat(join(ground.data, "logs", `${part}.log`))).birthtimeMs).toBeLessThan(listening);
});

test("secrets of backends reach the worker, and no other part", async () => {
  const secret = freshSecret();
  await using place = ground.with({ SLIPWAY_SECRET_KEY: secret });
  await place.start(ground.folder, "up", "--port", "0", "--json", ...sandbox).says('"ready"');
  const parts = processesWith(secret).flatMap((path) => /apps\/(\w+)\/src\/main/.exec(readFileSync(join(path, "../cmdline"), "utf8"))?.[1] ?? []);
  expect(parts.sort()).toEqual(["cli", "worker"]);
});

test("a part that cannot start ends the whole start with its own error, and leaves no process", async () => {
  await mkdir(join(ground.data, "worker"), { recursive: true });
  using _lock = takeFolderLock({ path: join(ground.data, "worker", "folder.lock"), part: "worker", data: ground.data });
  const { code, stderr } = await ground.slipway(ground.folder, "up", "--port", "0", ...sandbox);
  expect(code).toBe(5);
  expect(stderr).toMatch(/^error DATA_FOLDER_IN_USE: /);
  expect(stderr).toContain(`Another worker (process ${process.pid}) already uses`);
  expect(existsSync(join(ground.data, "server.json"))).toBe(false);
  const root = await ground.repository("refused");
  const run = await ground.slipway(root, "run", "x", ...sandbox);
  expect([run.code, run.stderr.includes("DATA_FOLDER_IN_USE")], run.stderr).toEqual([5, true]);
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

test("a run that has to wait says for whom and why, and goes on when it may", async () => {
  const root = await ground.repository("waits");
  const up = ground.start(ground.folder, "up", "--port", "0", "--slots", "1", ...sandbox);
  await up.says("slipway jobs");
  const hang = await ground.script("hang", [{ print: "I hang." }, { hang: { heartbeatMs: 1_000 } }]);
  const greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
  expect((await ground.slipway(root, "submit", "Hang", ...hang)).code).toBe(0);
  const run = ground.start(root, "run", "Wait", ...greet);
  await run.says(/queued, waiting for a worker: All slots/);
  expect((await ground.slipway(root, "cancel", "1")).code).toBe(0);
  const { code, stdout } = await run.end();
  expect(code).toBe(0);
  expect(stdout.match(/waiting for/g)).toHaveLength(1);
});

test("after a drain under up, whoever waits is told to restart it, and doctor speaks of no worker's limits", async () => {
  const root = await ground.repository("drained");
  const up = ground.start(ground.folder, "up", "--port", "0", ...sandbox);
  await up.says("slipway jobs");
  expect((await ground.slipway(root, "drain")).stdout).toContain("drain complete");
  await up.says("the worker has ended (drained)");
  const greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
  const run = ground.start(root, "run", "Wait", ...greet);
  await run.says(/No worker is connected: \S+ drained and\s+ended\.\s+Restart/);
  expect((await ground.slipway(root, "explain", "1")).stdout).toMatch(/unblock +Restart `slipway up`/);
  const { checks } = JSON.parse((await ground.slipway(root, "doctor", "--json")).stdout) as { checks: Array<{ group: string; name: string; remedy: string }> };
  expect(checks.find(({ group, name }) => group === "worker" && name === "connected")?.remedy).toMatch(/^Restart `slipway up`.* drained/);
  expect(checks.filter(({ name }) => name === "limits")).toEqual([]);
});

test("without a worker nothing is waited for: retry says who takes the job up, and logs -f ends at once", async () => {
  const root = await ground.repository("retried");
  const idle = await ground.script("idle", [{ print: "Nothing to do." }]);
  expect((await ground.slipway(root, "run", "Do nothing", ...sandbox, ...idle)).code).toBe(1);
  const retried = await ground.slipway(root, "retry", "1");
  expect(retried.stdout).toMatch(/^job 2 queued .*\nNo worker runs: the next `slipway up`/);
  const followed = await ground.slipway(root, "logs", "-f", "2");
  expect(followed.code).toBe(5);
  expect(followed.stderr).toMatch(/^error SERVER_UNAVAILABLE: Job 2 is queued, and no worker runs/);
  expect((await ground.slipway(root, "logs", "-f", "1")).stdout).toBe("Nothing to do.");
});

test("up on a port that is taken says so and what to do", async () => {
  const taken = createServer();
  taken.listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const { code, stderr } = await ground.slipway(ground.folder, "up", "--port", String(port), ...sandbox);
  taken.close();
  expect(code).toBe(2);
  expect(stderr).toMatch(new RegExp(`^error INVALID_REQUEST: The port ${port} is taken`));
  expect(stderr).toContain("--port");
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

test("a sandbox that was asked for is had or refused, and a run without one says so wherever it is shown", async () => {
  const up = ground.start(ground.folder, "up", "--port", "0", "--sandbox", "none");
  await up.says("slipway jobs");
  const root = await ground.repository("unsandboxed");
  const greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
  for (const command of ["run", "submit"]) {
    const { code, stdout, stderr } = await ground.slipway(root, command, "Be isolated", "--sandbox", "bwrap", ...greet);
    expect([code, stdout], stderr).toEqual([5, ""]);
    expect(stderr).toMatch(/^error SANDBOX_UNAVAILABLE: No worker of the server at http.* `sandbox: bwrap`: the connected ones have .*: none/);
    expect(stderr).toContain("start it with `--sandbox bwrap`");
  }
  expect(JSON.parse((await ground.slipway(root, "jobs", "--json")).stdout).jobs).toEqual([]);
  const plain = await ground.slipway(root, "run", "Greet", ...greet);
  expect(plain.code).toBe(0);
  expect(plain.stdout).toMatch(/ s ! sandbox: none – the agent runs without isolation/);
  expect(plain.stdout).toContain("It ran with sandbox: none");
  const json = await ground.slipway(root, "run", "Greet again", "--quiet", "--json", "--sandbox", "none", ...greet);
  expect([json.code, json.stderr]).toEqual([0, ""]);
  expect(JSON.parse(json.stdout)).toMatchObject({ sandbox: "none", job: { requires: expect.arrayContaining(["sandbox:none"]) } });
  expect((await ground.slipway(root, "show", "1")).stdout).toMatch(/attempts\n.* sandbox: none \(without isolation\)/);
  const idle = await ground.slipway(root, "run", "Do nothing", ...(await ground.script("idle", [{ print: "Nothing to do." }])));
  expect([idle.code, idle.stdout.includes("It ran with sandbox: none")]).toEqual([1, true]);
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
