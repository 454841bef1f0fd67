import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { NAMED_SCENARIOS } from "./named-scenarios.ts";

const MAIN = join(import.meta.dirname, "main.ts");
const run = promisify(execFile);

test("it is started by hand with a scenario file, tells its address and each request, and ends on SIGINT", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-scenario-"));
  const file = join(folder, "hello.yaml");
  await writeFile(file, "turns:\n  - steps:\n      - text: Hello from a file.\n");
  const child = spawn(process.execPath, [MAIN, "--scenario", file, "--key", "k"], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value as string) as Record<string, string>;
    const { baseUrl } = await next();
    const init = { method: "POST", headers: { authorization: "Bearer k" }, body: JSON.stringify({ model: "m", input: "Hi" }) };
    expect(await (await fetch(`${baseUrl}/v1/responses`, init)).text()).toContain("Hello from a file.");
    expect(await next()).toEqual({ model: "m", step: 0, prompt: "Hi" });
  } finally {
    child.kill("SIGINT");
    await rm(folder, { recursive: true });
  }
  expect(await exited).toEqual([null, "SIGINT"]);
});

test("--help lists the scenarios; a wrong one is told of", async () => {
  const { stdout } = await run(process.execPath, [MAIN, "--help"]);
  for (const name of Object.keys(NAMED_SCENARIOS)) expect(stdout).toContain(`  ${name} `);
  await expect(run(process.execPath, [MAIN, "--scenario", "no-such"])).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("no-such") });
});
