import { SECRET_VARIABLE_PREFIX } from "@slipway/process/secret-file";
import { ENVIRONMENT_VARIABLES } from "@slipway/protocol/environment-variables";
import type { InstallationConfig } from "@slipway/protocol/installation-config";
import type { PartName } from "./messages.ts";
import { partVariables } from "./part-flags.ts";

/** Settings that reach the parts by the environment. */
const PASSED_ON: ReadonlySet<string> = new Set(ENVIRONMENT_VARIABLES.filter(({ toAllParts }) => toAllParts).map(({ name }) => name));

/**
 * This process's environment for what it starts. The parts take their settings by flags; a SLIPWAY_URL meant for this command must not reach them.
 * The keys of models, by the names given here, are left out: they are for the gateway alone.
 */
export function cleanEnvironment(modelKeys: readonly string[]): NodeJS.ProcessEnv {
  return environmentWithout((name) => (name.startsWith("SLIPWAY_") && !PASSED_ON.has(name)) || modelKeys.includes(name));
}

/** The same with the keys, and with the name of the gateway's configuration. */
export function gatewayEnvironment(): NodeJS.ProcessEnv {
  return environmentWithout((name) => name.startsWith("SLIPWAY_") && !PASSED_ON.has(name) && name !== "SLIPWAY_GATEWAY_CONFIG");
}

/** What a part of the stack is started with. Secrets of backends are the worker's alone: it takes them out of its own environment before it starts anything. */
export function partEnvironment(part: PartName, modelKeys: readonly string[], settings: InstallationConfig): NodeJS.ProcessEnv {
  const variables = partVariables(settings);
  if (part === "gateway") return { ...gatewayEnvironment(), ...variables };
  if (part !== "worker") return { ...cleanEnvironment(modelKeys), ...variables };
  return { ...cleanEnvironment(modelKeys), ...variables, ...environmentWithout((name) => !name.startsWith(SECRET_VARIABLE_PREFIX)) };
}

/** A variable of ours that is empty counts as one that is not set. */
function environmentWithout(isLeftOut: (name: string) => boolean): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name, value]) => !isLeftOut(name) && !(value === "" && name.startsWith("SLIPWAY_"))));
}
