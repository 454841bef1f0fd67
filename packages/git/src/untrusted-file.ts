import { constants } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { dirname } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";

/**
 * Opens a file that a sandbox may have written: never follows a symlink, never waits on a FIFO or a device, takes regular files only.
 * Undefined where there is none. COMMIT_INVALID where it is something else or longer than `limitBytes`.
 */
export async function openUntrusted(path: string, limitBytes: number): Promise<{ file: FileHandle; size: number } | undefined> {
  if (!(await lstat(dirname(path))).isDirectory()) throw new SlipwayError("COMMIT_INVALID", "The folder that the sandbox hands out is no folder.");
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "ENOENT") return undefined;
    // A symlink, a socket, or a file that its owner closed to us: all three are the sandbox's doing.
    if (["ELOOP", "ENXIO", "EACCES", "ENOTDIR", "ENODEV"].includes(code)) throw invalid(path, code);
    throw error;
  }
  try {
    const info = await file.stat();
    if (!info.isFile()) throw invalid(path, "not a regular file");
    if (info.size > limitBytes) throw new SlipwayError("COMMIT_INVALID", "What the sandbox hands out is too large.", { bytes: info.size, limitBytes });
    return { file, size: info.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reads such a file whole. */
export async function readUntrusted(path: string, limitBytes: number): Promise<Buffer | undefined> {
  const opened = await openUntrusted(path, limitBytes);
  if (!opened) return undefined;
  try {
    // Not readFile: the file may grow while it is read.
    const buffer = Buffer.alloc(opened.size);
    const { bytesRead } = await opened.file.read({ buffer, position: 0 });
    return buffer.subarray(0, bytesRead);
  } finally {
    await opened.file.close();
  }
}

function invalid(path: string, reason: string): SlipwayError {
  return new SlipwayError("COMMIT_INVALID", `What the sandbox hands out as ${path.slice(dirname(path).length + 1)} is no plain file.`, { reason });
}
