import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runnerDigest } from "@slipway/process/runner-digest";
import { afterEach, beforeEach, expect, test } from "vitest";
import { workspaceClosure } from "./workspaces.ts";

const ROOT = join(import.meta.dirname, "../../..");

let copy: string;
beforeEach(async () => {
  copy = await mkdtemp(join(tmpdir(), "slipway-digest-"));
  const filter = (path: string): boolean => !path.includes("node_modules");
  for (const folder of ["apps", "packages", "backends"]) await cp(join(ROOT, folder), join(copy, folder), { recursive: true, filter });
});
afterEach(async () => await rm(copy, { recursive: true }));

async function append(path: string, text: string): Promise<void> {
  await writeFile(join(copy, path), `${await readFile(join(copy, path), "utf8")}${text}`);
}

test("the runner's part of a checkout has no daemon in it, and nothing that only daemons use", async () => {
  const closure = await workspaceClosure(ROOT, ["apps/runner"]);
  expect(closure).toEqual(expect.arrayContaining(["apps/runner", "backends/codex", "backends/sdk", "packages/protocol", "packages/redact"]));
  expect(closure.filter((folder) => folder.startsWith("apps/"))).toEqual(["apps/runner"]);
  expect(closure).not.toContain("packages/git");
});

test("the digest of the runner is over all that is in its image, wherever the checkout lies, and over nothing else", async () => {
  const before = runnerDigest(copy);
  expect(runnerDigest(ROOT)).toBe(before);
  for (const path of ["apps/worker/src/main.ts", "packages/git/src/exec.ts", "apps/runner/src/plugins.test.ts"]) await append(path, "// changed\n");
  expect(runnerDigest(copy)).toBe(before);
  const seen = new Set([before]);
  const closure = await workspaceClosure(copy, ["apps/runner"]);
  for (const folder of closure) {
    await append(`${folder}/package.json`, "\n");
    seen.add(runnerDigest(copy));
  }
  await append("apps/runner/src/lease/switch.ts", "// changed\n");
  expect(seen.add(runnerDigest(copy)).size).toBe(closure.length + 2);
});
