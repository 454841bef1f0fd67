import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ProbeContext } from "@slipway/backend-sdk/backend";
import { findProgram } from "@slipway/backend-sdk/find-program";
import type { ProbeResult } from "@slipway/protocol/manifest";

const OWN = fileURLToPath(new URL("../../agent/tiny-agent.js", import.meta.url));

/** What to start, with what stands before the arguments. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
}

/** The agent's program; undefined where there is none. */
export async function findAgent(command: string | undefined, path: string | undefined): Promise<Program | undefined> {
  if (command === undefined) return { file: process.execPath, args: [OWN] };
  const file = await findProgram(command, path);
  return file === undefined ? undefined : { file, args: [] };
}

/** For `slipway doctor`: is the program there, and which version? Never throws, and says what to type where it is not. */
export async function probe({ env, signal }: ProbeContext): Promise<Omit<ProbeResult, "backend">> {
  const tried = "tiny-agent --version";
  try {
    const { file, args } = (await findAgent(undefined, env["PATH"])) ?? { file: "tiny-agent", args: [] };
    const { stdout } = await promisify(execFile)(file, [...args, "--version"], { env, signal });
    return { ok: true, tried, found: stdout.trim() };
  } catch (error) {
    return { ok: false, tried, found: error instanceof Error ? error.message : String(error), remedy: "npm install, in the package of this backend" };
  }
}
