import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ProbeContext } from "@slipway/backend-sdk/backend";
import type { ProbeResult } from "@slipway/protocol/manifest";
import type { Program } from "./program.ts";
import { installCommand, isTested, type Release } from "./releases.ts";

const run = promisify(execFile);

/** An agent as probe and warm-up know it. */
export interface Probed {
  readonly title: string;
  /** As a person types it. */
  readonly command: string;
  readonly release: Release;
  /** Of an agent from PyPI, all that is to be installed. */
  readonly pip?: readonly string[];
  find(path: string | undefined): Promise<Program | undefined>;
}

/** Whether the agent is on PATH, and in which release. One that was not tested is told of, and used all the same. */
export async function probe({ title, command, release, find }: Probed, { env, signal }: ProbeContext): Promise<Omit<ProbeResult, "backend">> {
  const tried = `${command} --version`;
  const remedy = installCommand(release);
  try {
    const found = await find(env["PATH"]);
    if (!found) return { ok: false, tried, found: `no ${command} on PATH`, remedy };
    const version = await versionOf(found.program, found.versionArgs ?? [...found.args, "--version"], { env, signal });
    // Of a script that this Node runs, the script.
    const asked = { version, program: found.args[0] ?? found.program };
    if (isTested(release, version)) return { ok: true, tried, found: `${title} ${version}`, ...asked };
    return { ok: true, tried, found: `${title} ${version}, which was not tested with Slipway; ${release.version} was (${remedy})`, ...asked };
  } catch (error) {
    return { ok: false, tried, found: error instanceof Error ? error.message : String(error), remedy };
  }
}

/** Has the program read from disk, which takes the first start of it seconds. */
export async function warmUp({ find }: Probed, { env, signal }: ProbeContext): Promise<void> {
  const found = await find(env["PATH"]);
  if (found) await versionOf(found.program, [...found.args, "--version"], { env, signal });
}

async function versionOf(program: string, args: readonly string[], { env, signal }: Pick<ProbeContext, "env" | "signal">): Promise<string> {
  const { stdout } = await run(program, args, { env, signal, killSignal: "SIGKILL" });
  const version = /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0];
  if (version === undefined) throw new Error(`it told no version: ${stdout.slice(0, 200)}`);
  return version;
}
