import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Stack } from "../support/stack.ts";

const MAIN = join(import.meta.dirname, "..", "..", "apps", "server", "src", "main.ts");

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack?.[Symbol.asyncDispose]());

/** Starts another server on the same data folder; its exit code and what it said. */
async function startSecond(): Promise<{ code: number | null; said: string }> {
  const second = spawn(process.execPath, [MAIN, "--data", stack.data], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  second.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const [code] = await once(second, "close");
  return { code, said };
}

test("two servers on one data folder: the second refuses to start, says whose it is, and the first goes on", async () => {
  const { code, said } = await startSecond();
  expect(code).toBe(1);
  expect(said).toContain("DATA_FOLDER_IN_USE");
  expect(said).toContain(String(stack.pid("server")));
  expect(await (await stack.client()).call("health", {})).toMatchObject({ ok: true });
});

test("a server that does not answer still holds its folder", async () => {
  await stack.signal("server", "SIGSTOP");
  const { code, said } = await startSecond();
  await stack.signal("server", "SIGCONT");
  expect(code).toBe(1);
  expect(said).toContain("DATA_FOLDER_IN_USE");
  expect(await (await stack.client()).call("health", {})).toMatchObject({ ok: true });
});

test("a server that was killed leaves no lock behind", async () => {
  await stack.crash("server");
  expect(await (await stack.client()).call("health", {})).toMatchObject({ ok: true });
});
