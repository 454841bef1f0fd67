import { readFileAt } from "@slipway/git/hub";
import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import { REPOSITORY_CONFIG_FILE, type RepositoryConfig } from "@slipway/protocol/repository-config";

/** Configurations remembered; a commit's never changes. */
const LIMIT = 200;
const known = new Map<string, RepositoryConfig>();

/** `.slipway.yaml` at a commit of the hub, with its defaults where the file is missing. INVALID_CONFIG names file, line, column and key. */
export async function readRepositoryConfig(hubRoot: string, oid: string): Promise<RepositoryConfig> {
  const key = `${hubRoot}:${oid}`;
  const remembered = known.get(key);
  if (remembered) return remembered;
  const bytes = await readFileAt(hubRoot, oid, REPOSITORY_CONFIG_FILE);
  const config = parseRepositoryConfig(bytes?.toString("utf8") ?? "");
  if (known.size >= LIMIT) known.clear();
  known.set(key, config);
  return config;
}
