import { join } from "node:path";
import { JOB_VARIABLES } from "@slipway/backend-sdk/ahead-environment";
import { withDirectGateway } from "@slipway/backend-sdk/direct-environment";
import { CODEX_FEATURES_OFF } from "@slipway/backend-sdk/vendors/codex";
import { temporaryFolder } from "../codex-home.ts";

/** How a process of `codex app-server` is started. Nothing of a job is in it: model, folder, token and all else come with its thread. */
export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Equal where a process that was started so can take the turn. */
  readonly fingerprint: string;
}

/** Settings of the process. A thread's own come over the wire; none is in a file, which an agent could change for its next turn. */
const SETTINGS: Readonly<Record<string, unknown>> = {
  "analytics.enabled": false,
  check_for_update_on_startup: false,
  "skills.bundled.enabled": false,
  "tools.update_plan.enabled": true,
  ...Object.fromEntries(CODEX_FEATURES_OFF.map((name) => [`features.${name}`, false])),
};

const ARGUMENTS = ["app-server", ...Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`])];

/** How to start it for turns with this environment. */
export async function launchOf(program: string, home: string, env: Readonly<Record<string, string>>): Promise<Launch> {
  const codexHome = codexHomeIn(home);
  const own = codexEnvironment(env, { codexHome, temporary: await temporaryFolder(codexHome, home, env["TMPDIR"] ?? "/tmp") });
  const fingerprint = JSON.stringify([program, Object.entries(own).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
  // Not the workspace, which may be mounted later: what has it as its own folder would stay below the mount.
  return { program, args: ARGUMENTS, cwd: home, env: own, fingerprint };
}

export function codexHomeIn(home: string): string {
  return join(home, ".codex");
}

/** Codex's environment: a turn's, without what would steer Codex and what is one job's own, and with what Codex needs. No token is in it. */
export function codexEnvironment(
  env: Readonly<Record<string, string>>,
  own: { readonly codexHome: string; readonly temporary: string },
): Record<string, string> {
  const jobs = new Set<string>(JOB_VARIABLES);
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("CODEX_") && !jobs.has(name)));
  return { ...withDirectGateway(kept), CODEX_HOME: own.codexHome, TMPDIR: own.temporary };
}

/** What of a turn's environment is its job's own: the commands of the model get it with their thread. */
export function jobEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(JOB_VARIABLES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
