import { constants, type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";

/** Where a part finds its secrets: a folder with a file for each, named like the secret. */
export function secretsFolder(dataFolder: string, part: "worker" | "server"): string {
  return join(dataFolder, "secrets", part);
}

/** Prefix of the environment variables that hold secrets where no file does. */
export const SECRET_VARIABLE_PREFIX = "SLIPWAY_SECRET_";

/** What to type to put a secret into its file, with nothing of it in the shell's history or in a process's arguments. */
export function provideSecret(folder: string, name: string): string {
  const dir = quoted(folder);
  return `(umask 077; mkdir -p ${dir}; cat > ${quoted(join(folder, name))}), then paste it and press Ctrl-D`;
}

/** Longer ones are no secrets but something else that lies there. */
const SECRET_LIMIT_BYTES = 65_536;

/**
 * The secret in a file, a newline at its end cut off; undefined where there is no such file, or an empty one. SECRET_MISSING, never with any of its
 * content, where the file can be read by others, or is no text of at most 64 KiB.
 */
export async function readSecretFile(path: string): Promise<string | undefined> {
  let file: FileHandle;
  try {
    // Not blocking: a named pipe without a writer would hold up who asks.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw unusable(path, `it cannot be read (${code})`, `Make it a file that the worker's user can read, and nobody else: \`chmod 600 ${quoted(path)}\`.`);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw unusable(path, "it is no file", "Put a plain file in its place.");
    const mode = stats.mode & 0o777;
    if ((mode & 0o077) !== 0) throw unusable(path, `others can read or change it (mode 0${mode.toString(8)})`, `Type \`chmod 600 ${quoted(path)}\`.`);
    if (stats.size > SECRET_LIMIT_BYTES)
      throw unusable(path, `it has ${stats.size} bytes, and ${SECRET_LIMIT_BYTES} are the most`, "Put the secret alone into it.");
    return textOf(path, await file.readFile());
  } finally {
    await file.close();
  }
}

function textOf(path: string, bytes: Buffer): string | undefined {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unusable(path, "it is not UTF-8 text", "Put the secret into it as text.");
  }
  if (text.includes("\0")) throw unusable(path, "it holds a zero byte", "Put the secret into it as text.");
  return text.replace(/\r?\n$/, "") || undefined;
}

function unusable(file: string, why: string, hint: string): SlipwayError {
  return new SlipwayError("SECRET_MISSING", `The secret's file ${file} cannot be used: ${why}.`, { file, hint });
}

/** For a POSIX shell. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
