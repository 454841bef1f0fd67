import { gitText } from "./exec.ts";
import type { WorkerRepository } from "./repository.ts";

/** Most commits that a job's or a merge's commit may be away from what the upstream has. */
const OWN_COMMITS_LIMIT = 100;

/** The commits closest to a job's commit that the upstream has too: everything that they reach is there as well. Empty where there are none nearby. */
export async function upstreamBoundary(repository: WorkerRepository, oid: string, signal?: AbortSignal): Promise<string[]> {
  const commits = await gitText(["rev-list", `--max-count=${OWN_COMMITS_LIMIT}`, oid], { gitDir: repository.jobsGit, signal, failure: "BASE_NOT_FOUND" });
  const format = "--batch-check=%(objectname) %(objecttype)";
  const known = await gitText(["cat-file", format], { gitDir: repository.upstreamGit, signal, input: `${commits}\n` });
  return known
    .split("\n")
    .filter((line) => line.endsWith(" commit"))
    .map((line) => line.slice(0, line.indexOf(" ")));
}
