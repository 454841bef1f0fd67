import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "../../apps/integrator/src/main.ts");

let data: string;
let children: ChildProcess[];

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-integrator-"));
  children = [];
});

afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
  await rm(data, { recursive: true });
});

/** An integrator that was given no address; with an IPC channel, as the command line starts it, or without. */
function start(ipc: boolean): { child: ChildProcess; log: () => string } {
  const child = spawn(process.execPath, ["--disable-sigusr1", MAIN, "--data", data, "--token-file", join(data, "token")], {
    stdio: ["ignore", "ignore", "pipe", ...(ipc ? ["ipc" as const] : [])],
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
  });
  children.push(child);
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    log += chunk;
  });
  return { child, log: () => log };
}

test("without --url it waits for its parent to tell where the server listens, and reads the token only then", async () => {
  const { child } = start(true);
  const server = createServer((request, response) => {
    // Claims nothing: the question is left open, as the real server does.
    if (request.headers.authorization !== "Bearer made-late") response.writeHead(401).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await writeFile(join(data, "token"), "made-late\n");
  const asked = once(server, "request");
  child.send({ type: "server", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  expect((await once(child, "message"))[0]).toEqual({ type: "ready" });
  const [request] = await asked;
  expect([request.url, request.headers.authorization]).toEqual(["/v1/completion-claims", "Bearer made-late"]);
  server.closeAllConnections();
  server.close();
});

test("it ends when its parent goes before it has told the address", async () => {
  const { child } = start(true);
  const gone = once(child, "exit");
  child.disconnect();
  expect((await gone)[1]).toBeNull();
});

test("without --url and without a parent it ends with 2 and says what is missing", async () => {
  const { child, log } = start(false);
  expect(await once(child, "close")).toEqual([2, null]);
  expect(log()).toContain("--url is missing");
});
