import type { Manifest } from "@slipway/protocol/manifest";
import type { BackendNeed } from "@slipway/protocol/routing";
import type { ControlPlane } from "../control-plane.ts";
import type { CircuitRow, WorkerRow } from "../store/store.ts";
import type { Candidate } from "./choose.ts";
import { circuitAt } from "./places.ts";

/** What choices look at. */
export type Plane = Pick<ControlPlane, "store" | "signals">;

/** All that is known of backends at one moment. */
export interface Facts {
  readonly workers: readonly WorkerRow[];
  /** By name, from the worker that was seen last. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly circuits: readonly CircuitRow[];
}

export async function readFacts({ store }: Plane): Promise<Facts> {
  const [workers, circuits] = await Promise.all([store.listWorkers(), store.listCircuits()]);
  const newestLast = workers.toSorted((a, b) => a.lastSeenAt - b.lastSeenAt);
  const manifests = new Map(newestLast.flatMap(({ backends }) => backends.map((manifest) => [manifest.name, manifest] as const)));
  return { workers, manifests, circuits };
}

/** Needs that the backend's manifest does not have; none where it is not known. */
export function lacking(manifest: Manifest | undefined, needs: readonly BackendNeed[]): BackendNeed[] {
  return manifest ? needs.filter((need) => !manifest.capabilities[need]) : [];
}

/** What else a job requires of a worker, beside its backend. */
export interface Wish {
  readonly backend: string;
  readonly requires: readonly string[];
}

/** Why no job of the backend can begin now, in words; null where one can. A full worker is no reason: it will have room. */
export function whyAway({ signals }: Plane, { workers, circuits }: Facts, { backend, requires }: Wish): string | null {
  const able = ableWorkers({ signals }, workers, { backend, requires });
  if (able.length === 0) return requires.length === 0 ? "no connected worker has it" : `no connected worker has it together with ${requires.join(", ")}`;
  const free = able.filter((worker) => circuitAt(circuits, worker, backend, signals) === undefined);
  if (free.length === 0) {
    const [circuit] = able.flatMap((worker) => circuitAt(circuits, worker, backend, signals) ?? []).toSorted((a, b) => a.openUntil - b.openUntil);
    return circuit ? circuitText(circuit) : null;
  }
  const images = free.map(({ id }) => signals.reportOf(id).images.find((image) => image.backend === backend)?.agent ?? null);
  const missing = images.every((agent) => agent !== null && !agent.ok) ? images[0] : undefined;
  return missing ? `its agent is not there: ${missing.found}` : null;
}

/** Connected workers that have the backend and whatever else is required, and take jobs. */
export function ableWorkers({ signals }: Pick<Plane, "signals">, workers: readonly WorkerRow[], { backend, requires }: Wish): WorkerRow[] {
  const needed = [`backend:${backend}`, ...requires];
  return workers.filter(
    ({ id, draining, capabilities }) => !draining && signals.isConnected(id) && needed.every((capability) => capabilities.includes(capability)),
  );
}

/** An open circuit in words, without the name of its backend. */
export function circuitText({ state, openUntil, faults, code }: Pick<CircuitRow, "state" | "openUntil" | "faults" | "code">): string {
  const until = state === "trying" ? "one job tries it now" : `nothing is tried before ${new Date(openUntil).toISOString()}`;
  return `it failed${faults === 1 ? "" : ` ${faults} times in a row`} (${code}); ${until}`;
}

/** The facts of each of these backends, for the choice; `unfit` says what keeps one from this job. */
export async function candidatesOf(
  plane: Plane,
  facts: Facts,
  { backends, requires, unfit }: { backends: readonly string[]; requires: readonly string[]; unfit: (backend: string) => string | null },
): Promise<Candidate[]> {
  const records = await plane.store.backendRecords([...backends]);
  return records.map(({ backend, ended, faults, running, cost }) => {
    const able = ableWorkers(plane, facts.workers, { backend, requires });
    const freeSlots = able.reduce((sum, worker) => sum + Math.max(0, worker.slots - worker.running.length), 0);
    return { backend, unfit: unfit(backend), away: whyAway(plane, facts, { backend, requires }), ended, faults, freeSlots, cost, running };
  });
}
