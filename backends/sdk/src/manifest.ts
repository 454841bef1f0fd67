import { SlipwayError } from "@slipway/protocol/errors";
import { MANIFEST_VERSION, type Manifest, manifestSchema } from "@slipway/protocol/manifest";
import { z } from "zod";
import type { BackendDefinition } from "./backend.ts";
import { fieldText } from "./config.ts";

/**
 * What `runner describe` prints of a backend. The config schema is that of what people write (before defaults and transforms).
 * INVALID_CONFIG where the definition does not make a manifest; `details.field` names the field.
 */
export function toManifest(definition: BackendDefinition): Manifest {
  const parsed = manifestSchema.safeParse({
    manifestVersion: MANIFEST_VERSION,
    contractVersion: definition.contractVersion ?? 1,
    name: definition.name,
    version: definition.version,
    summary: definition.summary,
    capabilities: definition.capabilities,
    configSchema: z.toJSONSchema(definition.config, { io: "input", unrepresentable: "any" }),
    secrets: definition.secrets,
    image: definition.image ?? {},
    ...(definition.release ? { release: definition.release } : {}),
    ...(definition.programSetting === undefined ? {} : { programSetting: definition.programSetting }),
    ...(definition.adapterOf === undefined ? {} : { adapterOf: definition.adapterOf }),
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = fieldText(issue?.path ?? []);
  throw new SlipwayError("INVALID_CONFIG", `The definition of backend ${JSON.stringify(definition.name)} is wrong: ${field}: ${issue?.message}.`, {
    backend: definition.name,
    field,
  });
}
