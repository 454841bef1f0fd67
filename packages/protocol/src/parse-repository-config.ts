import { parseYamlConfig } from "./parse-yaml-config.ts";
import { REPOSITORY_CONFIG_FILE, type RepositoryConfig, repositoryConfigSchema } from "./repository-config.ts";

/** The text of a `.slipway.yaml` as a checked configuration with its defaults. INVALID_CONFIG, as `parseYamlConfig` tells it. */
export function parseRepositoryConfig(text: string, file: string = REPOSITORY_CONFIG_FILE): RepositoryConfig {
  const hint = (problems: number): string =>
    `Mend ${problems === 1 ? "it" : "them"} and commit that: a job reads the file at its base commit. Then submit again.`;
  return parseYamlConfig({ text, file, schema: repositoryConfigSchema, hint });
}
