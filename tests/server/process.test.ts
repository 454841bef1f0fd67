import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readlinkSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "..", "..", "apps", "server", "src", "main.ts");

let data: string;
let children: ChildProcess[];
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-process-"));
  children = [];
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }
  await rm(data, { recursive: true, force: true });
});

interface Started {
  readonly child: ChildProcess;
  readonly exit: Promise<unknown[]>;
  /** The ready message, or undefined where the process ended first. */
  readonly ready: Promise<{ url: string } | undefined>;
  log(): Array<Record<string, unknown>>;
}

function start(...args: string[]): Started {
  const child = fork(MAIN, ["--data", data, ...args], { execArgv: ["--disable-sigusr1"], stdio: ["ignore", "ignore", "pipe", "ipc"] });
  children.push(child);
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    text += chunk;
  });
  const exit = once(child, "exit");
  const ready = Promise.race([once(child, "message").then(([message]) => message as { url: string }), exit.then(() => undefined)]);
  return { child, exit, ready, log: () => text.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : [])) };
}

test("says where it listens, keeps all to its owner, and leaves nothing behind on SIGTERM", async () => {
  const { child, exit, ready } = start();
  const message = await ready;
  expect(message).toMatchObject({ type: "ready", url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
  expect(JSON.parse(await readFile(join(data, "server.json"), "utf8"))).toMatchObject({
    url: message?.url,
    pid: child.pid,
    version: expect.any(String),
    installationId: expect.any(String),
  });
  for (const folder of ["server", "tokens", "server/hub", "server/artifacts"]) expect((await stat(join(data, folder))).mode & 0o777).toBe(0o700);
  for (const file of ["tokens/admin.token", "tokens/worker.token", "tokens/integrator.token", "server.json", "server/slipway.db", "server/credential-key"])
    expect((await stat(join(data, file))).mode & 0o777).toBe(0o600);
  child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
  expect(existsSync(join(data, "server.json"))).toBe(false);
});

test("ends cleanly when the one that started it is gone", async () => {
  const { child, exit, ready } = start();
  await ready;
  child.disconnect();
  expect(await exit).toEqual([0, null]);
  expect(existsSync(join(data, "server.json"))).toBe(false);
});

test("a second server on the folder is refused, clearly; a killed one's lock is taken over", async () => {
  const first = start();
  const url = (await first.ready)?.url;
  const second = start();
  expect(await second.ready).toBeUndefined();
  expect(await second.exit).toEqual([1, null]);
  expect(second.log().at(-1)).toMatchObject({
    code: "DATA_FOLDER_IN_USE",
    details: { pid: first.child.pid },
    hint: expect.stringContaining(`kill ${first.child.pid}`),
  });
  expect((await fetch(`${url}/v1/health`)).status).toBe(200);

  const tokens = await readFile(join(data, "tokens", "admin.token"), "utf8");
  first.child.kill("SIGKILL");
  await first.exit;
  const third = start();
  const again = await third.ready;
  const answer = await fetch(`${again?.url}/v1/whoami`, { headers: { authorization: `Bearer ${tokens.trim()}` } });
  expect(await answer.json()).toMatchObject({ role: "admin" });
});

test("a retention that is no time is refused", async () => {
  for (const days of ["never", "0", "-1"]) {
    const { ready, exit, log } = start(`--retention-days=${days}`);
    expect(await ready).toBeUndefined();
    expect(await exit).toEqual([1, null]);
    expect(log().at(-1)).toMatchObject({ code: "INVALID_REQUEST", details: { field: "retention-days", value: days } });
  }
});

test("a day's budget that is no amount is refused", async () => {
  for (const [flag, value] of [
    ["day-budget-tokens", "20m"],
    ["day-budget-tokens", "0.5"],
    ["day-budget-usd", "-1"],
  ] as const) {
    const { ready, exit, log } = start(`--${flag}=${value}`);
    expect(await ready).toBeUndefined();
    expect(await exit).toEqual([1, null]);
    expect(log().at(-1)).toMatchObject({ code: "INVALID_REQUEST", details: { field: flag, value, expected: expect.stringContaining("above 0") } });
  }
});

test("a host that others reach is refused without the flag", async () => {
  const { ready, exit, log } = start("--host", "0.0.0.0");
  expect(await ready).toBeUndefined();
  expect(await exit).toEqual([1, null]);
  expect(log().at(-1)).toMatchObject({
    code: "INVALID_REQUEST",
    details: { field: "host", value: "0.0.0.0" },
    hint: expect.stringContaining("--allow-remote"),
  });
});

test("server.json has the address that the server was told to announce, and says where its pid counts; one that is no address is refused", async () => {
  const { ready } = start("--announce", "http://127.0.0.1:4751");
  expect((await ready)?.url).not.toContain("4751");
  const { url, pidNamespace } = JSON.parse(await readFile(join(data, "server.json"), "utf8")) as { url: string; pidNamespace: string | null };
  expect(url).toBe("http://127.0.0.1:4751");
  expect(pidNamespace).toBe(process.platform === "linux" ? readlinkSync("/proc/self/ns/pid") : null);
  const wrong = start("--announce", "here");
  expect(await wrong.ready).toBeUndefined();
  expect(wrong.log().map(({ code }) => code)).toContain("INVALID_REQUEST");
});
