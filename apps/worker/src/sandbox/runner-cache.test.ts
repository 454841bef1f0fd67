import { readdirSync, realpathSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, symlink, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { compileCacheOf, makeCompileCache } from "./runner-cache.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const folder = await mkdtemp(join(tmpdir(), "slipway-cache-"));
const shelf = join(folder, "daemons", "runner");
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rm(folder, { recursive: true }));

async function runtimeFolder(name: string): Promise<string> {
  await mkdir(join(folder, name));
  return join(folder, name);
}

test("the runner is compiled once for all data folders; what no worker used for a month goes", async () => {
  vi.stubEnv("NODE_COMPILE_CACHE", join(folder, "daemons"));
  const month = new Date(Date.now() - 31 * 86_400_000);
  for (const [name, usedAt] of [["gone", month] as const, ["in use", new Date()] as const]) {
    await mkdir(join(shelf, name), { recursive: true });
    await utimes(join(shelf, name), usedAt, usedAt);
  }
  const [first, second] = [await runtimeFolder("first"), await runtimeFolder("second")];
  await makeCompileCache(first, ROOT);
  const kept = realpathSync(compileCacheOf(first) ?? "");
  const made = await stat(kept);
  expect(readdirSync(kept, { recursive: true }).length).toBeGreaterThan(100);
  await makeCompileCache(second, ROOT);
  expect(realpathSync(compileCacheOf(second) ?? "")).toBe(kept);
  expect((await stat(kept)).ino).toBe(made.ino);
  expect((await readdir(shelf)).toSorted()).toEqual(["in use", kept.split("/").at(-1)].toSorted());
});

test("a runtime folder whose cache is of another version, or was removed, gets the one of this code", async () => {
  vi.stubEnv("NODE_COMPILE_CACHE", join(folder, "daemons"));
  const [older, dangling] = [await runtimeFolder("older"), await runtimeFolder("dangling")];
  await mkdir(join(older, "compile-cache"));
  await symlink(join(shelf, "removed"), join(dangling, "compile-cache"));
  expect(compileCacheOf(dangling)).toBeUndefined();
  for (const runtime of [older, dangling]) {
    await makeCompileCache(runtime, ROOT);
    expect(realpathSync(compileCacheOf(runtime) ?? "").startsWith(`${shelf}/`)).toBe(true);
  }
});

test("where the daemons have no folder for it, it is in the runtime folder; where it cannot be made, there is none", async () => {
  vi.stubEnv("NODE_COMPILE_CACHE", "/proc/nowhere");
  const runtime = await runtimeFolder("fourth");
  await makeCompileCache(runtime, join(folder, "no installation"));
  expect(compileCacheOf(runtime)).toBeUndefined();
  await makeCompileCache(runtime, ROOT);
  expect(realpathSync(compileCacheOf(runtime) ?? "")).toBe(join(realpathSync(runtime), "compile-cache"));
  expect(await readdir(runtime)).toEqual(["compile-cache"]);
});
