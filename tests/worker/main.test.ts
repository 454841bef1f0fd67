import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StubServer } from "./stub-server.ts";

const MAIN = new URL("../../apps/worker/src/main.ts", import.meta.url).pathname;

let stub: StubServer;
let dataFolder: string;
let worker: ChildProcess | undefined;
let output: string;

beforeEach(async () => {
  stub = await StubServer.start();
  dataFolder = await mkdtemp(join(tmpdir(), "slipway-worker-"));
  await writeFile(join(dataFolder, "token"), "t\n");
  output = "";
});
afterEach(async () => {
  if (worker && worker.exitCode === null && worker.signalCode === null) {
    const exit = once(worker, "exit");
    worker.kill("SIGTERM");
    await exit;
  }
  worker = undefined;
  await stub[Symbol.asyncDispose]();
  await rm(dataFolder, { recursive: true, force: true });
});

function start(flags: string[], env: NodeJS.ProcessEnv = {}, more: string[] = []): ChildProcess {
  const args = [...flags, MAIN, "--data", dataFolder, "--url", stub.url, "--token-file", join(dataFolder, "token"), ...more];
  worker = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, ...env },
  });
  worker.stdout?.on("data", (data: Buffer) => {
    output += String(data);
  });
  worker.stderr?.on("data", (data: Buffer) => {
    output += String(data);
  });
  return worker;
}

/** Its exit code and signal, when all that it wrote is read too. */
async function closed(child: ChildProcess): Promise<unknown[]> {
  return await once(child, "close");
}

async function ready(child: ChildProcess): Promise<string> {
  const [message] = (await once(child, "message")) as [{ type: string; workerId: string }];
  expect(message.type).toBe("ready");
  return message.workerId;
}

test.each([["--disable-sigusr1"], [""]])("SIGUSR1 drains a worker started with flags '%s'; it keeps its id; its idle memory is printed", async (flag) => {
  const child = start(flag ? [flag] : [], {}, ["--sandbox", "none"]);
  const id = await ready(child);
  await stub.until(() => stub.claimIds.length >= 6);
  const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
  console.log(`worker, idle: ${/VmRSS:.*/.exec(status)?.[0] ?? "memory unknown on this system"}`);
  const exit = closed(child);
  child.kill("SIGUSR1");
  expect(await exit).toEqual([0, null]);
  expect(output).toContain("drain complete, 0 active jobs");
  expect(output.includes("without --disable-sigusr1")).toBe(flag === "");
  expect(await ready(start(["--disable-sigusr1"], {}, ["--sandbox", "none"]))).toBe(id);
});

test("a closed IPC channel stops it, cleanly", async () => {
  const child = start(["--disable-sigusr1"], {}, ["--sandbox", "none"]);
  await ready(child);
  const exit = once(child, "exit");
  child.disconnect();
  expect(await exit).toEqual([0, null]);
});

test("a worker without a working sandbox claims nothing and says so", async () => {
  const child = start(["--disable-sigusr1"], { PATH: "/nonexistent" });
  expect(await closed(child)).toEqual([1, null]);
  expect(output).toContain("SANDBOX_UNAVAILABLE");
  expect(stub.claimIds).toEqual([]);
});

test.each([undefined, "own"])("the folder of the gateway's socket is there before anything is claimed, for this user only (named: %s)", async (folder) => {
  const named = folder === undefined ? [] : ["--gateway-folder", join(dataFolder, folder)];
  await ready(start(["--disable-sigusr1"], { XDG_RUNTIME_DIR: dataFolder }, ["--sandbox", "none", ...named]));
  const id = createHash("sha256").update(dataFolder).digest("hex").slice(0, 8);
  const { mode } = await stat(named[1] ?? join(dataFolder, `slipway-${id}`, "gateway"));
  expect((mode & 0o777).toString(8)).toBe("700");
});

test("a wrong argument is named", async () => {
  const child = start(["--disable-sigusr1"], {}, ["--slots", "many"]);
  expect(await closed(child)).toEqual([1, null]);
  expect(output).toContain("--slots");
});

test("a worker whose further certificates cannot be read does not start, and names the file and what is wrong with it", async () => {
  const file = join(dataFolder, "ca.pem");
  await writeFile(file, "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n");
  const child = start(["--disable-sigusr1"], { SLIPWAY_EXTRA_CA_CERTS: file }, ["--sandbox", "none"]);
  expect(await closed(child)).toEqual([1, null]);
  expect(output).toContain("INVALID_CONFIG");
  expect(output).toContain(`extraCaCerts: the file ${file} cannot be used: what stands there as certificate 1 is none`);
  output = "";
  const other = start(["--disable-sigusr1"], { SLIPWAY_EXTRA_CA_CERTS: file }, ["--sandbox", "none", "--extra-ca-certs", "/nowhere/ca.pem"]);
  expect(await closed(other)).toEqual([1, null]);
  expect(output).toContain("the file /nowhere/ca.pem cannot be used: it cannot be read (ENOENT)");
  expect(stub.claimIds).toEqual([]);
});

test("a worker whose proxy is none that it can use starts, and says what does not work", async () => {
  await ready(start(["--disable-sigusr1"], { HTTPS_PROXY: "socks5://me:hush@proxy:1080", https_proxy: "" }, ["--sandbox", "none"]));
  expect(output).toContain("no host on an egress list can be reached: HTTPS_PROXY of the worker names a proxy of the kind socks5");
  expect(output).not.toContain("hush");
});
