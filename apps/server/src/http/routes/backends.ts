import type { BackendView } from "@slipway/protocol/backend-view";
import type { Manifest } from "@slipway/protocol/manifest";
import type { ControlPlane } from "../../control-plane.ts";
import { withPlaces } from "../../routing/places.ts";
import type { WorkerRow } from "../../store/store.ts";
import type { Handlers } from "../call.ts";

/** Backends as the whole installation sees them: where they are, how their jobs went, their circuits. */
export function backendHandlers(plane: ControlPlane): Pick<Handlers, "listBackends" | "listCircuits" | "resetBackend"> {
  return {
    listBackends: async () => ({ backends: await backendViews(plane) }),
    listCircuits: async () => {
      const [circuits, workers] = await Promise.all([plane.store.listCircuits(), plane.store.listWorkers()]);
      return { circuits: withPlaces(circuits, workers, plane.signals) };
    },
    resetBackend: async ({ params, by }) => {
      const closed = await plane.store.resetCircuits(String(params.backend), by);
      await plane.circuits.look();
      plane.jobRoom.offerAny();
      return { closed };
    },
  };
}

async function backendViews({ store, signals }: ControlPlane): Promise<BackendView[]> {
  const [workers, rows] = await Promise.all([store.listWorkers(), store.listCircuits()]);
  const circuits = withPlaces(rows, workers, signals);
  // A worker that is away may have been brought to another version since: the manifests of those that are there go first.
  const ordered = workers.toSorted((a, b) => Number(signals.isConnected(b.id)) - Number(signals.isConnected(a.id)) || b.registeredAt - a.registeredAt);
  const manifests = new Map<string, Manifest>();
  for (const { backends } of ordered) for (const manifest of backends) if (!manifests.has(manifest.name)) manifests.set(manifest.name, manifest);
  const uses = await store.backendUse([...manifests.keys()]);
  return uses.map(({ backend, ...use }) => {
    const manifest = manifests.get(backend);
    const release = manifest?.release;
    return {
      name: backend,
      summary: manifest?.summary ?? null,
      version: manifest?.version ?? null,
      needsModel: manifest?.capabilities.model ?? false,
      release: release ? { package: release.package, version: release.version, tested: release.tested ?? release.version } : null,
      workers: workers.flatMap((worker) => atWorker(worker, backend, signals)),
      circuits: circuits.filter((circuit) => circuit.backend === backend),
      ...use,
    };
  });
}

function atWorker({ id, name, backends }: WorkerRow, backend: string, signals: ControlPlane["signals"]): BackendView["workers"] {
  const manifest = backends.find((one) => one.name === backend);
  if (!manifest) return [];
  const agent = signals.reportOf(id).agents.find((one) => one.backend === backend);
  const told = agent ? { ok: agent.ok, version: agent.version, found: agent.found, remedy: agent.remedy } : null;
  return [{ id, name, connected: signals.isConnected(id), version: manifest.version, agent: told }];
}
