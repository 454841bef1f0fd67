import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runnerDigest } from "./runner-digest.ts";
import { workspaceClosure } from "./workspaces.ts";

const ROOT = join(import.meta.dirname, "../../..");

let copy: string;
beforeEach(async () => {
  copy = await mkdtemp(join(tmpdir(), "slipway-digest-"));
  const filter = (path: string): boolean => !path.includes("node_modules");
  for (const folder of ["apps", "packages", "backends"]) await cp(join(ROOT, folder), join(copy, folder), { recursive: true, filter });
});
afterEach(async () => await rm(copy, { recursive: true }));

async function append(path: string): Promise<void> {
  await writeFile(join(copy, path), `${await readFile(join(copy, path), "utf8")}\n// changed\n`);
}

test("the runner's part of a checkout: no daemon, nothing that only daemons use", async () => {
  expect(await workspaceClosure(ROOT, ["apps/runner"])).toEqual(
    expect.arrayContaining(["apps/runner", "backends/codex", "backends/script", "backends/sdk", "packages/process", "packages/protocol", "packages/redact"]),
  );
  expect(await workspaceClosure(ROOT, ["apps/runner"])).not.toContain("packages/git");
});

test("the digest is that of the sources, wherever they lie; it changes with the runner, the protocol and a backend, and with nothing else", async () => {
  const before = await runnerDigest(copy);
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  expect(await runnerDigest(ROOT)).toBe(before);
  for (const path of ["apps/worker/src/main.ts", "packages/git/src/exec.ts", "apps/runner/src/plugins.test.ts"]) await append(path);
  expect(await runnerDigest(copy)).toBe(before);
  const seen = new Set([before]);
  for (const path of ["apps/runner/src/serve.ts", "packages/protocol/src/events.ts", "backends/codex/src/release.ts"]) {
    await append(path);
    seen.add(await runnerDigest(copy));
  }
  expect(seen.size).toBe(4);
});
