import { readFileAt, readFolderAt } from "@slipway/git/hub";
import { PROMPTS_FOLDER } from "@slipway/prompts/prompt-book";
import { REPOSITORY_CONFIG_FILE } from "@slipway/protocol/repository-config";
import { readRepositoryConfig } from "../../jobs/repository-config.ts";

/**
 * Whether a commit says anything else than a trusted one of how jobs are run: `.slipway.yaml`, the prompts, the critics' rubric. A job that starts from a branch which an
 * agent wrote would be run by these, its hosts and setup commands among them.
 */
export async function hasOtherRules(root: string, oid: string, trustedOid: string): Promise<boolean> {
  const { critic } = await readRepositoryConfig(root, trustedOid);
  const files = [REPOSITORY_CONFIG_FILE, ...(critic?.rubricFile === undefined ? [] : [critic.rubricFile])];
  for (const file of files) {
    const [own, trusted] = await Promise.all([readFileAt(root, oid, file), readFileAt(root, trustedOid, file)]);
    if (own?.toString("hex") !== trusted?.toString("hex")) return true;
  }
  const [own, trusted] = await Promise.all([readFolderAt(root, oid, PROMPTS_FOLDER), readFolderAt(root, trustedOid, PROMPTS_FOLDER)]);
  return own.size !== trusted.size || [...own].some(([name, bytes]) => !trusted.get(name)?.equals(bytes));
}
