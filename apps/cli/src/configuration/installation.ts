import { dirname, join, resolve } from "node:path";
import { secretsFolder } from "@slipway/process/secret-file";
import { SlipwayError } from "@slipway/protocol/errors";
import { INSTALLATION_CONFIG_FILE, type InstallationConfig, installationConfigSchema } from "@slipway/protocol/installation-config";
import type { PlaceInFile } from "@slipway/protocol/parse-yaml-config";
import { configText } from "./config-file.ts";
import { isOfJobs, SETTINGS, type Setting } from "./settings.ts";

/** slipway.yaml as it stands on disk, with the defaults of what it leaves out. */
export interface InstallationFile {
  readonly file: string;
  readonly isThere: boolean;
  readonly value: InstallationConfig;
  /** Where a key stands in the file; undefined where it has its default. */
  readonly placeOf: (path: readonly string[]) => PlaceInFile | undefined;
}

/** The file that holds the installation's configuration, there or not. */
export function installationConfigFile(data: string): string {
  const named = process.env["SLIPWAY_CONFIG"];
  return named ? resolve(named) : join(data, INSTALLATION_CONFIG_FILE);
}

/** INVALID_CONFIG names file, line and column; also where a file that was named cannot be read. */
export async function readInstallationFile(data: string): Promise<InstallationFile> {
  const file = installationConfigFile(data);
  const text = await configText("The installation's configuration", file, "SLIPWAY_CONFIG");
  if (text === undefined) return { file, isThere: false, value: installationConfigSchema.parse({}), placeOf: () => undefined };
  // Only who has such a file pays for a YAML parser.
  const { parseInstallationConfig } = await import("@slipway/protocol/parse-installation-config");
  const { value, placeOf } = parseInstallationConfig(text, file);
  return { file, isThere: true, value: withWholePaths(value, dirname(file)), placeOf };
}

/**
 * What holds for what is started from here: the environment, else slipway.yaml, else the defaults. The variables of single jobs are left to who submits
 * them. INVALID_CONFIG for the file, INVALID_REQUEST for a variable.
 */
export async function readInstallation(data: string): Promise<InstallationConfig> {
  const { value } = await readInstallationFile(data);
  return withVariables(
    value,
    SETTINGS.filter((setting) => !isOfJobs(setting)),
  );
}

/** Where a worker of this installation looks for the secrets of backends. */
export async function backendSecretsFolder(data: string): Promise<string> {
  return (await readInstallation(data)).worker.secretsFolder ?? secretsFolder(data, "worker");
}

/** The configuration with what the environment sets of these settings. INVALID_REQUEST names the variable that is wrong. */
export function withVariables(config: InstallationConfig, settings: readonly Setting[], env: NodeJS.ProcessEnv = process.env): InstallationConfig {
  const given = settings.filter(({ variable }) => env[variable]);
  const raw: unknown = structuredClone(config);
  for (const setting of given) put(raw, setting.path, valueIn(setting, env[setting.variable] ?? ""));
  const parsed = installationConfigSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const wrong = given.find(({ path }) => path.every((part, index) => issue?.path[index] === part));
  const value = issue?.code === "custom" && issue.params?.["isSecret"] === true ? "…" : env[wrong?.variable ?? ""];
  throw invalidVariable(wrong?.variable ?? "The environment", value, issue?.message ?? "");
}

function valueIn({ read, variable }: Setting, text: string): unknown {
  try {
    return read(text);
  } catch (error) {
    throw invalidVariable(variable, text, error instanceof Error ? error.message : String(error));
  }
}

function invalidVariable(variable: string, value: string | undefined, problem: string): SlipwayError {
  const expected = problem.replace(/^(Invalid (input|option|string): )?expected /i, "").replace(/\.$/, "");
  return new SlipwayError("INVALID_REQUEST", `${variable} in the environment: expected ${expected}; found ${JSON.stringify(value)}.`, {
    field: variable,
    value,
    expected,
    hint: "Set it right, or unset it. docs/configuration.md lists all variables.",
  });
}

/** The value at a path; undefined where there is none. */
export function valueAt(config: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], config);
}

function put(config: unknown, path: readonly string[], value: unknown): void {
  const home = valueAt(config, path.slice(0, -1)) as Record<string, unknown>;
  home[path.at(-1) ?? ""] = value;
}

function withWholePaths(config: InstallationConfig, folder: string): InstallationConfig {
  const { backendsFolder, secretsFolder } = config.worker;
  return {
    ...config,
    ...(config.extraCaCerts === undefined ? {} : { extraCaCerts: resolve(folder, config.extraCaCerts) }),
    worker: {
      ...config.worker,
      ...(backendsFolder === undefined ? {} : { backendsFolder: resolve(folder, backendsFolder) }),
      ...(secretsFolder === undefined ? {} : { secretsFolder: resolve(folder, secretsFolder) }),
    },
  };
}
