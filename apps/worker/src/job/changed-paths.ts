import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

const LIMIT_MS = 30_000;
const OUTPUT_LIMIT_BYTES = 4 * 1_048_576;

const GIT = "git -c core.fsmonitor=false -c core.untrackedCache=false";

/**
 * The paths that differ from the job's base, as git says inside of the sandbox; what git ignores is not among them. Undefined where it could not say. The
 * agent may have made git lie: nothing that counts may rest on it.
 */
export async function changedInWorkspace(context: AttemptContext, sandbox: Sandbox): Promise<string[] | undefined> {
  const text = `{ ${GIT} diff --name-only -z --no-renames --no-ext-diff --no-textconv --ignore-submodules=all ${context.claim.job.baseOid} -- && ${GIT} ls-files -z --others --exclude-standard; } 2>/dev/null`;
  const output = await askGit(context, sandbox, text);
  return output && [...new Set(output.toString().split("\0").filter(Boolean))];
}

/** The tree of all that git does not ignore, by an index that nobody else has; like `changedInWorkspace`, and null where git could not say. */
export async function treeOfWorkspace(context: AttemptContext, sandbox: Sandbox): Promise<string | null> {
  const text = `i=$(mktemp) && { cp "$(git rev-parse --git-path index)" "$i"; export GIT_INDEX_FILE="$i"; ${GIT} add -A && git write-tree; c=$?; rm -f "$i"; exit $c; } 2>/dev/null`;
  const output = await askGit(context, sandbox, text);
  return output?.toString().trim() || null;
}

async function askGit(context: AttemptContext, sandbox: Sandbox, text: string): Promise<Buffer | undefined> {
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
  return Buffer.from(result.output);
}
