import { SlipwayError } from "@slipway/protocol/errors";
import { CONTRACT_VERSION } from "@slipway/protocol/manifest";
import { AUTO_BACKEND } from "@slipway/protocol/routing";
import type { z } from "zod";
import type { BackendDefinition } from "./backend.ts";
import { toManifest } from "./manifest.ts";

/**
 * Checks a backend's definition and gives it back with its types and the version of the contract that this SDK is of. What is wrong shows when the module is loaded, not at the first job:
 * INVALID_CONFIG, whose message and `details.field` name the field.
 */
export function defineBackend<Config extends z.ZodType>(definition: BackendDefinition<Config>): BackendDefinition<Config> {
  if (definition.name === AUTO_BACKEND)
    throw invalid(definition.name, "name", "expected another name: a job that names `auto` leaves the choice to the server");
  const names = new Set<string>();
  for (const [index, secret] of definition.secrets.entries()) {
    if (names.has(secret.name)) throw invalid(definition.name, `secrets[${index}].name`, `the secret ${secret.name} is named twice`);
    names.add(secret.name);
  }
  if (definition.version === "") throw invalid(definition.name, "version", "expected a version");
  if (definition.summary === "") throw invalid(definition.name, "summary", "expected one sentence for people");
  const versioned = { ...definition, contractVersion: CONTRACT_VERSION };
  toManifest(versioned);
  return versioned;
}

function invalid(backend: string, field: string, problem: string): SlipwayError {
  return new SlipwayError("INVALID_CONFIG", `The definition of backend ${JSON.stringify(backend)} is wrong: ${field}: ${problem}.`, { backend, field });
}
