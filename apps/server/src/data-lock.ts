import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { SlipwayError } from "@slipway/protocol/errors";
import Database from "better-sqlite3";
import type { DataFolder } from "./data-folder.ts";

/**
 * Takes the data folder for this process, or fails with DATA_FOLDER_IN_USE. The lock is an exclusive transaction on a small SQLite file that stays
 * open: the kernel frees it when the process dies, however it dies, so that a stale lock cannot exist. The pid beside it is only for the message.
 */
export function takeDataLock(folder: DataFolder): Disposable {
  const pidFile = `${folder.lock}.pid`;
  const database = new Database(folder.lock, { timeout: 0 });
  try {
    database.pragma("journal_mode = MEMORY");
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    const pid = readPid(pidFile);
    throw new SlipwayError(
      "DATA_FOLDER_IN_USE",
      `Another server${pid === null ? "" : ` (process ${pid})`} already uses the data folder ${folder.root}.`,
      {
        dataFolder: folder.root,
        pid,
        hint:
          pid === null ? "Stop it, or choose another folder with SLIPWAY_DATA." : `Stop it with \`kill ${pid}\`, or choose another folder with SLIPWAY_DATA.`,
      },
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

function isBusy(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED"));
}

function readPid(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, "utf8"), 10);
    return Number.isSafeInteger(pid) ? pid : null;
  } catch {
    // The other server is between taking the lock and writing its pid; the message does without.
    return null;
  }
}
