import { rmSync } from "node:fs";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import { newId } from "@slipway/protocol/scalars";
import { z } from "zod";
import { isAlive as isMarkAlive, markProcess } from "../sandbox/processes.ts";

const ownerSchema = z.object({ pid: z.int().positive(), startTime: z.string().nullable() });
type Owner = z.infer<typeof ownerSchema>;

/**
 * Takes a worker folder for this process, or fails with DATA_FOLDER_IN_USE. The lock is a file that names its owner by pid and start time, made by
 * link(2), so that it is there whole or not at all; one whose owner is dead is taken over. Disposing gives it back.
 */
export async function takeWorkerLock(path: string): Promise<Disposable> {
  const mine: Owner = { pid: process.pid, startTime: markProcess(process.pid)?.startTime ?? null };
  const temporary = `${path}.${newId()}.new`;
  await writeFile(temporary, JSON.stringify(mine), { flag: "wx", mode: 0o600 });
  try {
    while (!(await tryLink(temporary, path))) {
      const owner = await readOwner(path);
      if (owner && isAlive(owner)) {
        throw new SlipwayError("DATA_FOLDER_IN_USE", `Another worker (process ${owner.pid}) already uses ${path}.`, {
          pid: owner.pid,
          lock: path,
          hint: `Stop it with \`kill ${owner.pid}\`, or give this worker another folder with --data.`,
        });
      }
      await removeStale(path, owner);
    }
  } finally {
    await rm(temporary, { force: true });
  }
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Moves the stale lock aside. Where another process took it over in between, that one's lock is put back. */
async function removeStale(path: string, stale: Owner | undefined): Promise<void> {
  const aside = `${path}.${newId()}.stale`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const moved = await readOwner(aside);
  if (JSON.stringify(moved) !== JSON.stringify(stale)) await tryLink(aside, path);
  await rm(aside, { force: true });
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    // Gone meanwhile, or not ours to read: no owner that could be alive.
    return undefined;
  }
}

function isAlive(owner: Owner): boolean {
  if (owner.startTime !== null) return isMarkAlive({ pid: owner.pid, startTime: owner.startTime });
  // A system without /proc: the pid alone has to do.
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
