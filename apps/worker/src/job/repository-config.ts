import { readFileAt } from "@slipway/git/hub";
import type { WorkerRepository } from "@slipway/git/repository";
import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import { REPOSITORY_CONFIG_FILE, type RepositoryConfig } from "@slipway/protocol/repository-config";

/** What the repository says of itself at a commit; the defaults where it says nothing. Never read from a tree that an agent can write. INVALID_CONFIG. */
export async function readRepositoryConfig(repository: WorkerRepository, oid: string): Promise<RepositoryConfig> {
  const file = await readFileAt(repository.dir, oid, REPOSITORY_CONFIG_FILE);
  return parseRepositoryConfig(file === null ? "" : file.toString("utf8"), REPOSITORY_CONFIG_FILE);
}
