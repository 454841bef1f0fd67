import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ProbeContext } from "@slipway/backend-sdk/backend";
import type { ProbeResult } from "@slipway/protocol/manifest";
import { findCodex } from "./executable.ts";
import { CODEX_VERSION, INSTALL_COMMAND, isTested } from "./release.ts";

const run = promisify(execFile);

/** Whether Codex is on PATH, and which release. One that was not tested is told of, and used all the same. */
export async function probe({ env, signal }: ProbeContext): Promise<Omit<ProbeResult, "backend">> {
  const tried = "codex --version";
  try {
    const asked = await versionOf({ env, signal });
    if (asked === undefined) return { ok: false, tried, found: "no codex on PATH", remedy: INSTALL_COMMAND };
    const { version } = asked;
    if (isTested(version)) return { ok: true, tried, found: `Codex ${version}`, ...asked };
    return { ok: true, tried, found: `Codex ${version}, which was not tested with Slipway; ${CODEX_VERSION} was (${INSTALL_COMMAND})`, ...asked };
  } catch (error) {
    return { ok: false, tried, found: error instanceof Error ? error.message : String(error), remedy: INSTALL_COMMAND };
  }
}

/** Has the program read from disk, which takes the first start of it seconds. */
export async function warmUp({ env, signal }: ProbeContext): Promise<void> {
  await versionOf({ env, signal });
}

/** The program and its version's number; undefined where there is none. Rejects where it does not answer. */
async function versionOf({ env, signal }: Pick<ProbeContext, "env" | "signal">): Promise<{ program: string; version: string } | undefined> {
  const program = await findCodex("codex", env["PATH"]);
  if (program === undefined) return undefined;
  const { stdout } = await run(program, ["--version"], { env, signal, killSignal: "SIGKILL" });
  const version = /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0];
  if (version === undefined) throw new Error(`it told no version: ${stdout.slice(0, 200)}`);
  return { program, version };
}
