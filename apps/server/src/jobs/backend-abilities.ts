import { SlipwayError } from "@slipway/protocol/errors";
import type { SubmitJob } from "@slipway/protocol/job";
import type { JobImage } from "@slipway/protocol/job-images";
import type { Manifest } from "@slipway/protocol/manifest";
import type { Store } from "../store/store.ts";

/** Of a job, what its backend must be able to do. */
export type Asking = Pick<SubmitJob, "mcpServers" | "permissions" | "readOnly"> & { readonly images: readonly JobImage[] };

/** What a job may ask for that not every backend can do: the field, whether it was asked, the capability, and what else is to be done. */
const ABILITIES = [
  ["mcpServers", (job) => Object.keys(job.mcpServers).length > 0, "mcp", "starts no MCP servers"],
  ["images", (job) => job.images.length > 0, "images", "takes no images"],
  ["readOnly", (job) => job.readOnly, "readOnly", "does not say that it can work without changing anything"],
  ["permissions", (job) => job.permissions !== "allow", "permissions", "never asks for leave, so that no policy could answer"],
] as const satisfies ReadonlyArray<readonly [field: string, asked: (job: Asking) => boolean, capability: keyof Manifest["capabilities"], words: string]>;

/** INVALID_REQUEST, naming the field, where a job asks for what its backend does not do. Before a worker with the backend came nothing is known of it. */
export async function checkAbilities(store: Store, backend: string, job: Asking): Promise<void> {
  const asked = ABILITIES.filter(([, isAsked]) => isAsked(job));
  if (asked.length === 0) return;
  const workers = await store.listWorkers();
  const manifests = workers.toSorted((a, b) => b.lastSeenAt - a.lastSeenAt).flatMap((worker) => worker.backends);
  const manifest = manifests.find(({ name }) => name === backend);
  for (const [field, , capability, words] of asked) {
    if (!manifest || manifest.capabilities[capability]) continue;
    const able = [...new Set(manifests.filter(({ capabilities }) => capabilities[capability]).map(({ name }) => name))].sort();
    const hint =
      able.length > 0
        ? `Leave ${field} out, or choose one of: ${able.join(", ")}.`
        : `Leave ${field} out: no backend of the workers has the capability ${capability}.`;
    const expected = `a backend with the capability ${capability}`;
    throw new SlipwayError("INVALID_REQUEST", `${field}: the backend ${backend} ${words}.`, { field, value: job[field], expected, backend, able, hint });
  }
}
