import { REPOSITORY_CONFIG_FILE } from "@slipway/protocol/repository-config";
import { readGit } from "./read-git.ts";

/** How many gates the repository names at a commit; undefined where its configuration is not there or is not sound, which the server tells of. */
export async function gateCount(root: string, oid: string): Promise<number | undefined> {
  try {
    const text = await readGit(["show", `${oid}:${REPOSITORY_CONFIG_FILE}`], root);
    const { parseRepositoryConfig } = await import("@slipway/protocol/parse-repository-config");
    return parseRepositoryConfig(text).gates.length;
  } catch {
    return undefined; // Only a figure on the screen depends on it.
  }
}
