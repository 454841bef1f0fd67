import type { ChecksConfig } from "./checks.ts";
import type { JobView } from "./job.ts";
import type { RepositoryConfig } from "./repository-config.ts";
import { isDocumentKind, type TaskKind } from "./task-kinds.ts";

type Kinded = Pick<JobView, "taskKind" | "taskSpec">;

/** What a repository asks of a job of this kind. */
export function configOfKind(job: Kinded, config: RepositoryConfig): RepositoryConfig {
  const checks = checksOfKind(job.taskKind, config.checks);
  return needsGates(job, config) ? { ...config, checks } : { ...config, checks, gates: [] };
}

/** The one place where a kind moves the level of a check. What a job allows by name comes after it. */
export function checksOfKind(kind: TaskKind, checks: ChecksConfig): ChecksConfig {
  // Where tests are the work itself, a weaker one is the known way to cheat, whatever the repository thinks of it elsewhere.
  return kind === "test" || kind === "fix" ? { ...checks, tests: "error" } : checks;
}

/** A document alone breaks no gate; one that may touch more is judged like any change. */
function needsGates({ taskKind, taskSpec }: Kinded, { documents }: RepositoryConfig): boolean {
  return documents.gates || !isDocumentKind(taskKind) || (taskSpec.allowPaths ?? []).length > 0;
}
