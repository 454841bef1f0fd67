import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Deadline } from "./deadline.ts";
import { plainText } from "./plain-text.ts";

const NAMED_PATHS = 20;

/** What a setup left, as git says inside the sandbox; of what is ignored and untracked the topmost folders. */
export interface Leftovers {
  readonly changed: readonly string[];
  readonly untracked: readonly string[];
  readonly ignored: readonly string[];
}

/** Undefined where git could not say: a sandbox without git, or a setup that broke the repository. */
export async function lookAtLeftovers(context: AttemptContext, sandbox: Sandbox, deadline: Deadline): Promise<Leftovers | undefined> {
  const text = "git -c core.fsmonitor=false -c core.quotePath=false status --porcelain --untracked-files=normal --ignored=matching --ignore-submodules=all";
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
      timeoutMs: deadline.setupMs(30_000),
      outputLimitBytes: 65_536,
    },
    context.signal,
  );
  if (result.exitCode !== 0) return undefined;
  const lines = plainText(context.masks.bytes(result.output))
    .split("\n")
    .filter((line) => line !== "");
  const paths = (kinds: RegExp): string[] => lines.filter((line) => kinds.test(line)).map((line) => line.slice(3).replace(/\/$/, ""));
  return { changed: paths(/^[^?!]/), untracked: paths(/^\?\?/), ignored: paths(/^!!/) };
}

/** A setup should leave only ignored files behind: anything else becomes part of the job's change. */
export async function warnOfLeftovers(context: AttemptContext, sandbox: Sandbox, deadline: Deadline): Promise<void> {
  // Where git cannot say, the commit will tell; here it is only a warning that is not given.
  const { changed = [], untracked = [] } = (await lookAtLeftovers(context, sandbox, deadline)) ?? {};
  const advice = "They become part of the job's change; list them in .gitignore, or mend the setup, if this is not meant.";
  await warnOf(context, "setup:changed", "The setup changed files that are tracked", changed, advice);
  await warnOf(context, "setup:left", "The setup left files that are neither tracked nor ignored", untracked, advice);
}

/** One warning about some paths, once in the attempt; none where there are no paths. */
export async function warnOf(context: AttemptContext, key: string, what: string, paths: readonly string[], advice: string): Promise<void> {
  if (paths.length === 0) return;
  const text = `${what}: ${namePaths(paths)}. ${advice}`;
  await context.events.emitOnce(key, { kind: "notice", data: { level: "warning", text: text.slice(0, 20_000) } });
}

/** The first of them, and how many more there are. */
export function namePaths(paths: readonly string[]): string {
  const more = paths.length > NAMED_PATHS ? ` and ${paths.length - NAMED_PATHS} more` : "";
  return `${paths.slice(0, NAMED_PATHS).join(", ")}${more}`;
}
