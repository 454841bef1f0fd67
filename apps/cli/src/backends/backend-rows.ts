import type { Client } from "@slipway/protocol/client";
import type { GatewayCheck } from "@slipway/protocol/gateway-config";
import type { Manifest } from "@slipway/protocol/manifest";
import type { Circuit } from "@slipway/protocol/routing";
import type { WorkerView } from "@slipway/protocol/worker-api";
import { placeOfSecret } from "../doctor/secrets.ts";
import { defaultProvider } from "../models/default-provider.ts";
import { isUsable, type ProviderCheck } from "../models/provider-text.ts";

const ASK_LIMIT_MS = 5_000;

/** A backend as it stands on this machine, and on the workers of the server that runs. */
export interface BackendRow {
  readonly name: string;
  readonly version: string | null;
  readonly summary: string | null;
  readonly needsModel: boolean | null;
  readonly capabilities: Manifest["capabilities"] | null;
  /** The agent's program as the backend pins it; null where no registry has it. */
  readonly release: Manifest["release"] | null;
  readonly secrets: ReadonlyArray<Manifest["secrets"][number] & { readonly there: boolean; readonly found: string }>;
  readonly installed: { readonly ok: boolean; readonly tried: string; readonly found: string; readonly remedy: string | null } | null;
  /** The provider that its jobs ask where they name no other, and whether they can; null where it needs no model or nobody says. */
  readonly provider: { readonly name: string; readonly usable: boolean | null } | null;
  /** The newest job of this backend that has ended; null where there is none, or no server to say so. */
  readonly lastJob: { readonly number: number; readonly state: string; readonly code: string | null; readonly endedAt: number | null } | null;
  /** Where it gets no jobs for now, as it failed by its own fault again and again; none where no server runs. */
  readonly circuits: readonly Circuit[];
  /** Names of the connected workers that have it. */
  readonly workers: readonly string[];
  /** What those say of its agent that have looked: whether it is there for their jobs. */
  readonly agents: ReadonlyArray<Omit<WorkerView["agents"][number], "backend"> & { readonly worker: string }>;
}

/** What is known of backends before it is put together. */
export interface KnownOfBackends {
  readonly manifests: readonly Manifest[];
  readonly probes: ReadonlyArray<{
    readonly backend: string;
    readonly ok: boolean;
    readonly tried: string;
    readonly found: string;
    readonly remedy?: string | undefined;
  }>;
  readonly workers: readonly WorkerView[];
  readonly circuits: readonly Circuit[];
  readonly gateway: GatewayCheck | undefined;
  /** To ask for jobs; undefined where no server runs. */
  readonly client: Client | undefined;
  /** Where secrets of backends stand. */
  readonly secretsFolder: string;
}

/** A row for each backend that is here or on a worker, by name. */
export async function backendRows({ manifests, probes, workers, circuits, gateway, client, secretsFolder }: KnownOfBackends): Promise<BackendRow[]> {
  const remote = workers.flatMap((worker) => worker.backends);
  const names = new Set([...probes.map(({ backend }) => backend), ...[...manifests, ...remote].map(({ name }) => name)]);
  return await Promise.all(
    [...names].sort().map(async (name): Promise<BackendRow> => {
      const manifest = manifests.find((one) => one.name === name) ?? remote.find((one) => one.name === name);
      const probe = probes.find(({ backend }) => backend === name);
      return {
        name,
        version: manifest?.version ?? null,
        summary: manifest?.summary ?? null,
        needsModel: manifest?.capabilities.model ?? null,
        capabilities: manifest?.capabilities ?? null,
        release: manifest?.release ?? null,
        secrets: await Promise.all((manifest?.secrets ?? []).map((secret) => lookedFor(secret, secretsFolder))),
        installed: probe ? { ok: probe.ok, tried: probe.tried, found: probe.found, remedy: probe.remedy ?? null } : null,
        provider: manifest ? providerOf(manifest, gateway?.providers) : null,
        lastJob: client ? await lastJobOf(client, name) : null,
        circuits: circuits.filter(({ backend }) => backend === name),
        workers: workers.filter((worker) => worker.backends.some((backend) => backend.name === name)).map((worker) => worker.name),
        agents: workers.flatMap(({ name: worker, agents }) =>
          agents.filter(({ backend }) => backend === name).map(({ ok, version, found, remedy }) => ({ worker, ok, version, found, remedy })),
        ),
      };
    }),
  );
}

/** Says of a secret whether a worker that is started from here would find it. */
async function lookedFor(secret: Manifest["secrets"][number], folder: string): Promise<BackendRow["secrets"][number]> {
  const place = await placeOfSecret(secret.name, folder, process.env);
  return { ...secret, there: place.state === "found", found: place.words };
}

function providerOf(manifest: Manifest, providers: readonly ProviderCheck[] | undefined): BackendRow["provider"] {
  const name = defaultProvider(manifest);
  if (!manifest.capabilities.model || name === undefined) return null;
  // A row for each of its keys.
  return { name, usable: providers === undefined ? null : providers.some((one) => one.provider === name && isUsable(one)) };
}

async function lastJobOf(client: Client, backend: string): Promise<BackendRow["lastJob"]> {
  const query = { backend, state: ["done", "failed", "cancelled"], limit: 1 } as const;
  const { jobs } = await client.call("listJobs", { query: { ...query, state: [...query.state] }, signal: AbortSignal.timeout(ASK_LIMIT_MS) });
  const [job] = jobs;
  return job ? { number: job.number, state: job.state, code: job.failure?.code ?? null, endedAt: job.endedAt } : null;
}
