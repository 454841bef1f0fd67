import { SlipwayError } from "@slipway/protocol/errors";
import { z } from "zod";
import type { Store } from "../store/store.ts";

/**
 * Checks a job's backend settings against the manifest that a worker registered, so that a typing error shows at submit and not in an attempt.
 * Where no worker has the backend yet the job may wait for one, and the runner checks the settings again.
 */
export async function checkBackendConfig(store: Store, backend: string, config: Record<string, unknown>): Promise<void> {
  const workers = await store.listWorkers();
  const manifest = workers
    .toSorted((a, b) => b.lastSeenAt - a.lastSeenAt)
    .flatMap((worker) => worker.backends)
    .find(({ name }) => name === backend);
  if (!manifest) return;
  const result = toZod(manifest.configSchema)?.safeParse(config);
  if (!result || result.success) return;
  const problems = result.error.issues.slice(0, 20).map((issue) => ({
    field: ["backendConfig", ...issue.path, ...(issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [])].join("."),
    value: issue.path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], config),
    expected: issue.code === "unrecognized_keys" ? "no such setting exists" : issue.message.replace(/^Invalid input: /, ""),
  }));
  const [first] = problems;
  throw new SlipwayError("INVALID_REQUEST", first && `${first.field}: ${first.expected}.`, { backend, ...first, problems });
}

/** Undefined where the schema uses what zod cannot read: the runner's own check then stands alone. */
function toZod(schema: Record<string, unknown>): z.ZodType | undefined {
  try {
    return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch {
    return undefined;
  }
}
