import type { TakenCommit } from "@slipway/git/commit";
import { SlipwayError } from "@slipway/protocol/errors";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import { pathMatcher } from "./path-globs.ts";
import { inPhase } from "./phase.ts";

/** Of the paths out of scope, so many are named; the number of all is told too. */
const NAMED_PATHS = 100;

/** A commit that changes something. */
export type Change = Exclude<TakenCommit, { empty: true }>;

/** Judges the change on the list that the daemon itself made from the commit, never on what the sandbox says. NO_CHANGE, SCOPE_VIOLATION. */
export async function checkChange(context: AttemptContext, commit: TakenCommit, scope: RepositoryConfig["scope"]): Promise<Change> {
  return await inPhase(context, "checks", "checks", async () => {
    await report(context, "change", commit.empty ? ["The agent changed nothing."] : []);
    if (commit.empty) throw new SlipwayError("NO_CHANGE");
    const strays = pathsOutOfScope(
      commit.changes.map((change) => change.path),
      scope,
    );
    await report(context, "scope", strays);
    if (strays.length > 0) throw scopeViolation(strays, scope);
    return commit;
  });
}

/**
 * The paths that a job with this scope may not change. A glob also stands for everything below what it matches, dot files are files like any
 * other, and `deny` wins over `allow`.
 */
export function pathsOutOfScope(paths: readonly string[], scope: RepositoryConfig["scope"]): string[] {
  const allowed = pathMatcher(scope.allow);
  const denied = pathMatcher(scope.deny);
  return paths.filter((path) => denied(path) || !allowed(path));
}

async function report(context: AttemptContext, name: string, findings: readonly string[]): Promise<void> {
  const shown = findings.slice(0, NAMED_PATHS).map((finding) => context.masks.text(finding).slice(0, 1_000).toWellFormed());
  await context.events.emitOnce(`check-${name}`, { kind: "check", data: { name, passed: findings.length === 0, findings: shown } });
}

function scopeViolation(paths: readonly string[], scope: RepositoryConfig["scope"]): SlipwayError {
  const named = paths.slice(0, 10).join(", ").slice(0, 2_000);
  const more = paths.length > 10 ? ` and ${paths.length - 10} more` : "";
  return new SlipwayError("SCOPE_VIOLATION", `The change touches paths that the job may not touch: ${named}${more}.`, {
    paths: paths.slice(0, NAMED_PATHS),
    pathCount: paths.length,
    scope,
  });
}
