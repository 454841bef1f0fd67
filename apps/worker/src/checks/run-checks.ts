import type { FileDiff } from "@slipway/git/diff";
import { CHECK_NAMES, type CheckLevel, type CheckName } from "@slipway/protocol/checks";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import { checkBinaries } from "./binaries.ts";
import { checkConflicts } from "./conflicts.ts";
import { type Check, type CheckInput, type Finding, shownPath } from "./finding.ts";
import { checkGenerated } from "./generated.ts";
import { checkGuarded } from "./guarded.ts";
import { checkLockfiles } from "./lockfiles.ts";
import { checkSecrets } from "./secrets.ts";
import { checkSize } from "./size.ts";
import { checkTests } from "./tests.ts";
import { checkWhitespace } from "./whitespace.ts";

/** What one check said of a change. */
export interface CheckResult {
  readonly name: CheckName;
  /** Those for which the change is refused, each a line. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** Those that look at the change alone; the others run something, or read what a gate left (`job/checks.ts`). */
const CHECK_OF: { readonly [N in Exclude<CheckName, "proof" | "coverage">]: Check } = {
  size: checkSize,
  secrets: checkSecrets,
  binaries: checkBinaries,
  lockfiles: checkLockfiles,
  generated: checkGenerated,
  guarded: checkGuarded,
  whitespace: checkWhitespace,
  conflicts: checkConflicts,
  tests: checkTests,
};

/** Runs every check that is not off, in the order of their names in the table. What the job allows is told as a warning, so that people still see it. */
export async function runChecks(
  files: readonly FileDiff[],
  { checks: config, gates }: Pick<RepositoryConfig, "checks" | "gates">,
  allowed: ReadonlySet<CheckName>,
  tests: CheckInput["tests"],
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const name of CHECK_NAMES) {
    if (config[name] === "off" || name === "proof" || name === "coverage") continue;
    const findings = await CHECK_OF[name]({ files, config, gates, tests });
    results.push(resultOf(name, findings, { level: config[name], allowed }));
  }
  return results;
}

/** What the findings of a check do, by its level; those of one that the job allows are told alone. */
export function resultOf(
  name: CheckName,
  findings: readonly Finding[],
  { level, allowed }: { readonly level: CheckLevel; readonly allowed: ReadonlySet<CheckName> },
): CheckResult {
  const refuses = level === "error" && !allowed.has(name);
  const isError = (finding: Finding): boolean => refuses && finding.level === undefined;
  return { name, errors: findings.filter(isError).map(findingText), warnings: findings.filter((finding) => !isError(finding)).map(findingText) };
}

function findingText({ path, line, message }: Finding): string {
  const at = path === undefined ? "" : `${shownPath(path)}${line === undefined ? "" : `:${line}`}: `;
  return `${at}${message}`;
}
