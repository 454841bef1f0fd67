import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { newId } from "@slipway/protocol/scalars";
import type { z } from "zod";

/**
 * Writes a small private JSON file (0600) in one step: a reader, and a process that was killed, see the old one or the new one. `durable` flushes it
 * to the device too; not needed for what is worth nothing after a power cut, such as the record of a process.
 */
export async function writeJson(path: string, value: unknown, options: { durable: boolean } = { durable: false }): Promise<void> {
  const temporary = `${path}.${newId()}.new`;
  try {
    await writeFile(temporary, `${JSON.stringify(value)}\n`, { flag: "wx", mode: 0o600, flush: options.durable });
    await rename(temporary, path);
    if (options.durable) await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Reads it again; undefined where there is none, or where it does not have the form (left by another version). */
export async function readJson<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T> | undefined> {
  try {
    const parsed = schema.safeParse(JSON.parse(await readFile(path, "utf8")));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Flushes a folder, so that what was made, renamed or removed in it outlives a power cut. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
