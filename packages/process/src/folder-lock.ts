import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { SlipwayError } from "@slipway/protocol/errors";

/** SQLITE_BUSY, from https://www.sqlite.org/rescode.html. */
const BUSY = 5;

export interface FolderLock {
  /**
   * The file of the lock, in a folder that is there. It stays when the lock is given back. Nothing else in the holding process may open it: closing a
   * second descriptor frees a POSIX lock.
   */
  readonly path: string;
  /** Who wants it, for the message: such as `integrator`. */
  readonly part: string;
  /** The data folder, for the message. */
  readonly data: string;
}

/**
 * Takes a folder for this process, or fails with DATA_FOLDER_IN_USE. The lock is an exclusive transaction on an empty SQLite file that stays open: the
 * kernel frees it when the process dies, however it dies, on Linux and macOS alike, so that a stale lock cannot exist. The pid beside it is only for
 * the message. Disposing gives the folder back.
 */
export function takeFolderLock({ path, part, data }: FolderLock): Disposable {
  const pidFile = `${path}.pid`;
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // No journal beside the file: nothing is ever written.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: unknown }).errcode !== BUSY) throw error;
    const pid = readPid(pidFile);
    throw new SlipwayError(
      "DATA_FOLDER_IN_USE",
      `Another ${part}${pid === null ? "" : ` (process ${pid})`} already uses the data folder ${data}.`,
      { dataFolder: data, pid, hint: `Stop it${pid === null ? "" : ` with \`kill ${pid}\``}, or choose another data folder with --data or SLIPWAY_DATA.` },
      { cause: error },
    );
  }
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  return {
    [Symbol.dispose]: () => {
      rmSync(pidFile, { force: true });
      database.close();
    },
  };
}

function readPid(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, "utf8"), 10);
    return Number.isSafeInteger(pid) ? pid : null;
  } catch {
    // The other process is between taking the lock and writing its pid; the message does without.
    return null;
  }
}
