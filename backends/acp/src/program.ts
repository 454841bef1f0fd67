import { realpath, stat } from "node:fs/promises";
import { findProgram } from "@slipway/backend-sdk/find-program";
import { SlipwayError } from "@slipway/protocol/errors";
import { installCommand, type Release } from "./releases.ts";

/** A program and the arguments that come before all others. */
export interface Program {
  readonly program: string;
  readonly args: readonly string[];
  /** All arguments with which it tells its release and does nothing else, where those are not `--version` behind the others. */
  readonly versionArgs?: readonly string[];
}

/**
 * The program for `command`, a path or a name on PATH; undefined where there is none. A Node script is run by this very Node: agents need a newer one than
 * some machines have on PATH, and some start scripts only start another process, which a signal then misses.
 */
export async function findAgent(
  command: string,
  path: string | undefined,
  resolve: (script: string) => Promise<string> = asItIs,
): Promise<Program | undefined> {
  const found = await findProgram(command, path);
  if (found === undefined) return undefined;
  const target = await resolve(await realpath(found));
  return /\.[cm]?js$/.test(target) ? { program: process.execPath, args: [target] } : { program: target, args: [] };
}

/** As `findAgent`; BACKEND_NOT_INSTALLED, with the command that installs it, where there is none. */
export async function requireAgent(found: Program | undefined, command: string, usual: string, release: Release): Promise<Program> {
  if (found) return found;
  const remedy = command === usual ? installCommand(release) : "Correct `command` in backendConfig.";
  throw new SlipwayError("BACKEND_NOT_INSTALLED", `There is no program ${command} for the agent.`, { command, remedy });
}

async function asItIs(script: string): Promise<string> {
  return script;
}

/** Whether a file is there. */
export async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
