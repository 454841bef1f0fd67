import { type PlaceInFile, parseYamlConfigWithPlaces } from "./parse-yaml-config.ts";
import { REPOSITORY_CONFIG_FILE, type RepositoryConfig, repositoryConfigSchema } from "./repository-config.ts";

/** The text of a `.slipway.yaml` as a checked configuration with its defaults. INVALID_CONFIG, as `parseYamlConfig` tells it. */
export function parseRepositoryConfig(text: string, file: string = REPOSITORY_CONFIG_FILE): RepositoryConfig {
  return parseRepositoryConfigWithPlaces(text, file).value;
}

/** The checked configuration, and where a key of it stands in the text; nowhere where it has its default. */
export interface PlacedRepositoryConfig {
  readonly value: RepositoryConfig;
  readonly placeOf: (path: readonly string[]) => PlaceInFile | undefined;
}

/** The same with the places of its keys. */
export function parseRepositoryConfigWithPlaces(text: string, file: string): PlacedRepositoryConfig {
  const hint = (problems: number): string =>
    `Mend ${problems === 1 ? "it" : "them"} and commit that: a job reads the file at its base commit. Then submit again.`;
  return parseYamlConfigWithPlaces({ text, file, schema: repositoryConfigSchema, hint });
}
