import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat, symlink, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { compileCacheFolder } from "@slipway/process/compile-cache";
import { runnerDigest } from "@slipway/process/runner-digest";
import { execa } from "execa";

/** One that no worker has started with for so long is of an installation that has gone, or was updated. */
const UNUSED_MS = 30 * 86_400_000;

/** Where the compile cache of a runtime folder is; undefined where it was not made. */
export function compileCacheOf(runtimeFolder: string): string | undefined {
  const folder = linkIn(runtimeFolder);
  return existsSync(folder) ? folder : undefined;
}

/**
 * Has the runner's code compiled once, outside and from the installation itself; runners get the result read-only, because an agent that could write it would
 * run code in all later runners. Saves each of them a third of its start. It is kept beside the compiled code of the daemons, for all data folders of this
 * installation and over restarts of the machine; where there is no such place, in the runtime folder. Without it runners start slower, so a failure here is not one.
 */
export async function makeCompileCache(runtimeFolder: string, installRoot: string): Promise<void> {
  const link = linkIn(runtimeFolder);
  const daemons = compileCacheFolder();
  if (daemons === undefined) {
    if (!existsSync(link)) await compileInto(link, installRoot);
    return;
  }
  const shelf = join(daemons, "runner");
  await mkdir(shelf, { recursive: true, mode: 0o700 });
  const kept = join(shelf, cacheKey(installRoot));
  const isThere = await utimes(kept, new Date(), new Date()).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    await compileInto(kept, installRoot);
    await removeUnused(shelf);
  }
  await rm(link, { recursive: true, force: true });
  if (existsSync(kept)) await symlink(kept, link);
}

async function compileInto(folder: string, installRoot: string): Promise<void> {
  const fresh = await mkdtemp(join(dirname(folder), "fresh-"));
  const args = ["--disable-sigusr1", join(installRoot, "apps/runner/src/main.ts"), "warm", "--compile-cache", fresh];
  const { failed } = await execa(process.execPath, args, {
    reject: false,
    timeout: 30_000,
    stdio: "ignore",
    env: { PATH: process.env["PATH"] ?? "" },
    extendEnv: false,
  });
  // Another worker may have been quicker.
  if (!failed) await rename(fresh, folder).catch(() => {});
  await rm(fresh, { recursive: true, force: true });
}

/** Node knows its entries by the paths and contents of files, by its own version, and by the user. */
function cacheKey(installRoot: string): string {
  const parts = [installRoot, runnerDigest(installRoot), process.version, String(process.getuid?.())];
  return createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 16);
}

async function removeUnused(shelf: string): Promise<void> {
  for (const name of await readdir(shelf)) {
    // Another worker may just have given it its name, or removed it.
    const usedAt = (await stat(join(shelf, name)).catch(() => undefined))?.mtimeMs ?? Date.now();
    if (Date.now() - usedAt > UNUSED_MS) await rm(join(shelf, name), { recursive: true, force: true });
  }
}

function linkIn(runtimeFolder: string): string {
  return join(runtimeFolder, "compile-cache");
}
