import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { InstallationConfig } from "@slipway/protocol/installation-config";
import type { PlaceInFile } from "@slipway/protocol/parse-yaml-config";
import { REPOSITORY_CONFIG_FILE, type RepositoryConfig } from "@slipway/protocol/repository-config";
import { checkoutRoot } from "../checkout/checkout-root.ts";
import { type InstallationFile, valueAt, withVariables } from "./installation.ts";
import { isOfJobs, SETTINGS, type Setting } from "./settings.ts";

/** Where a value comes from. */
export type Origin =
  | { readonly kind: "variable"; readonly variable: string }
  | { readonly kind: "file"; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: "default" };

/** A key of slipway.yaml as it holds for what is started, or submitted, from here. */
export interface EffectiveValue {
  readonly key: string;
  /** Null where nothing is set and there is no default. */
  readonly value: unknown;
  readonly origin: Origin;
  readonly variable: string;
  /** The option that would win over all; null where there is none. */
  readonly flag: string | null;
}

/** A repository's file as it stands in the checkout; a job reads it at its base commit. */
export interface RepositoryFile {
  readonly file: string;
  readonly value: RepositoryConfig;
  readonly placeOf: (path: readonly string[]) => PlaceInFile | undefined;
}

/** Undefined outside of a checkout, and where it has no such file. INVALID_CONFIG. */
export async function readRepositoryFile(): Promise<RepositoryFile | undefined> {
  const root = await checkoutRoot();
  if (root === undefined) return undefined;
  const file = join(root, REPOSITORY_CONFIG_FILE);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const { parseRepositoryConfigWithPlaces } = await import("@slipway/protocol/parse-repository-config");
  return { file, ...parseRepositoryConfigWithPlaces(text, file) };
}

/** All keys with their value and where it comes from: variable, else (for jobs) repository, else slipway.yaml, else default. INVALID_REQUEST for a variable. */
export function effectiveValues(installation: InstallationFile, repository: RepositoryFile | undefined): EffectiveValue[] {
  const withEnvironment = withVariables(installation.value, SETTINGS);
  return SETTINGS.map((setting) => ({
    key: setting.path.join("."),
    ...resolved(setting, withEnvironment, installation, repository),
    variable: setting.variable,
    flag: setting.flag,
  }));
}

function resolved(
  setting: Setting,
  withEnvironment: InstallationConfig,
  installation: InstallationFile,
  repository: RepositoryFile | undefined,
): Pick<EffectiveValue, "value" | "origin"> {
  const { path, variable } = setting;
  if (process.env[variable]) return { value: valueAt(withEnvironment, path), origin: { kind: "variable", variable } };
  // What both files know has the same name in both, below `jobs` in the installation's.
  const own = isOfJobs(setting) ? path.slice(1) : [];
  const ownPlace = repository?.placeOf(own);
  if (repository && ownPlace) return { value: valueAt(repository.value, own) ?? null, origin: { kind: "file", file: repository.file, ...ownPlace } };
  const place = installation.placeOf(path);
  const value = valueAt(installation.value, path) ?? null;
  return { value, origin: place ? { kind: "file", file: installation.file, ...place } : { kind: "default" } };
}
