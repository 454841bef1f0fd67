import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

const LIMIT_MS = 30_000;
const OUTPUT_LIMIT_BYTES = 4 * 1_048_576;

/**
 * The paths that differ from the job's base, as git says inside of the sandbox; what git ignores is not among them. Undefined where it could not say. The
 * agent may have made git lie: nothing that counts may rest on it.
 */
export async function changedInWorkspace(context: AttemptContext, sandbox: Sandbox): Promise<string[] | undefined> {
  const git = "git -c core.fsmonitor=false -c core.untrackedCache=false";
  const text = `{ ${git} diff --name-only -z --no-renames --no-ext-diff --no-textconv --ignore-submodules=all ${context.claim.job.baseOid} -- && ${git} ls-files -z --others --exclude-standard; } 2>/dev/null`;
  const result = await sandbox.run(
    {
      argv: ["sh", "-c", text],
      env: {
        PATH: sandbox.inside.path,
        HOME: "/nonexistent",
        LC_ALL: "C",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_OPTIONAL_LOCKS: "0",
      },
      network: "none",
      timeoutMs: LIMIT_MS,
      outputLimitBytes: OUTPUT_LIMIT_BYTES,
    },
    context.signal,
  );
  context.signal.throwIfAborted();
  if (result.exitCode !== 0 || result.droppedBytes > 0) return undefined;
  return [...new Set(Buffer.from(result.output).toString().split("\0").filter(Boolean))];
}
