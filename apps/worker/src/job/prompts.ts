import { readFolderAt } from "@slipway/git/hub";
import type { WorkerRepository } from "@slipway/git/repository";
import { PROMPTS_FOLDER, PromptBook } from "@slipway/prompts/prompt-book";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";

/** The repository's own templates at a commit, and Slipway's where it has none. Never read from a tree that an agent can write. INVALID_CONFIG. */
export async function readPromptBook(repository: WorkerRepository, oid: string, { prompts }: RepositoryConfig): Promise<PromptBook> {
  const files = await readFolderAt(repository.dir, oid, PROMPTS_FOLDER);
  return PromptBook.open({ files: new Map([...files].map(([name, bytes]) => [name, bytes.toString("utf8")])), config: prompts });
}
