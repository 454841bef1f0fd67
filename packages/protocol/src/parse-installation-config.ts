import { INSTALLATION_CONFIG_FILE, type InstallationConfig, installationConfigSchema } from "./installation-config.ts";
import { type PlaceInFile, parseYamlConfigWithPlaces } from "./parse-yaml-config.ts";

/** The checked configuration, and where a key of it stands in the text; nowhere where it has its default. */
export interface PlacedInstallationConfig {
  readonly value: InstallationConfig;
  readonly placeOf: (path: readonly string[]) => PlaceInFile | undefined;
}

/** The text of a `slipway.yaml` as a checked configuration with its defaults. INVALID_CONFIG, as `parseYamlConfig` tells it. */
export function parseInstallationConfig(text: string, file: string = INSTALLATION_CONFIG_FILE): PlacedInstallationConfig {
  const hint = (problems: number): string =>
    `Mend ${problems === 1 ? "it" : "them"}; \`slipway config check\` says whether all is well. What runs already reads the file at its next start.`;
  return parseYamlConfigWithPlaces({ text, file, schema: installationConfigSchema, hint });
}
