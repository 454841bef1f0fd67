import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The data folder where none is named: SLIPWAY_DATA, else the XDG data folder. */
export function defaultDataFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const named = environment["SLIPWAY_DATA"];
  if (named) return resolve(named);
  return join(environment["XDG_DATA_HOME"] || join(homedir(), ".local", "share"), "slipway");
}
