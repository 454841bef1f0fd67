import type { Manifest } from "@slipway/protocol/manifest";
import type { BackendNeed } from "@slipway/protocol/routing";
import type { ControlPlane } from "../control-plane.ts";
import type { CircuitRow, WorkerRow } from "../store/store.ts";
import { absentText, missingAgent } from "./agents.ts";
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

/** A backend with a job's settings for it, and what else the job requires of a worker. */
export interface Wish {
  readonly backend: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly requires: readonly string[];
}

/** Why no job of the backend can begin now, in words; null where one can. A full worker is no reason: it will have room. */
export function whyAway({ signals }: Plane, { workers, circuits }: Facts, wish: Wish): string | null {
  const { backend, requires } = wish;
  const connected = ableWorkers({ signals }, workers, wish);
  if (connected.length === 0) return requires.length === 0 ? "no connected worker has it" : `no connected worker has it together with ${requires.join(", ")}`;
  const absent = whyAbsent({ signals }, workers, wish);
  if (absent !== null) return absent;
  const able = withAgent({ signals }, connected, wish);
  const free = able.filter((worker) => circuitAt(circuits, worker, backend, signals) === undefined);
  if (free.length === 0) {
    const [circuit] = able.flatMap((worker) => circuitAt(circuits, worker, backend, signals) ?? []).toSorted((a, b) => a.openUntil - b.openUntil);
    return circuit ? circuitText(circuit) : null;
  }
  return null;
}

/** In words, where the agent of the backend is on none of the connected workers that could take the job; null where one may have it, or none is connected. */
export function whyAbsent({ signals }: Pick<Plane, "signals">, workers: readonly WorkerRow[], wish: Wish): string | null {
  const able = ableWorkers({ signals }, workers, wish);
  const missing = able.flatMap((worker) => missingAgent(worker, wish, signals) ?? []);
  return able.length > 0 && missing.length === able.length ? absentText(missing) : null;
}

/** Those of the workers of which it is not known that the agent is not there. */
export function withAgent({ signals }: Pick<Plane, "signals">, workers: readonly WorkerRow[], wish: Pick<Wish, "backend" | "config">): WorkerRow[] {
  return workers.filter((worker) => missingAgent(worker, wish, signals) === undefined);
}

/** Connected workers that have the backend and whatever else is required, and take jobs. */
export function ableWorkers(
  { signals }: Pick<Plane, "signals">,
  workers: readonly WorkerRow[],
  { backend, requires }: Pick<Wish, "backend" | "requires">,
): WorkerRow[] {
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
  { stops, requires, unfit }: { stops: ReadonlyArray<Omit<Wish, "requires">>; requires: readonly string[]; unfit: (backend: string) => string | null },
): Promise<Candidate[]> {
  const records = await plane.store.backendRecords(stops.map(({ backend }) => backend));
  return records.map(({ backend, ended, faults, running, cost }) => {
    const wish = { backend, requires, config: stops.find((stop) => stop.backend === backend)?.config ?? {} };
    const able = withAgent(plane, ableWorkers(plane, facts.workers, wish), wish);
    const isAdapter = facts.manifests.get(backend)?.adapterOf !== undefined;
    const freeSlots = able.reduce((sum, worker) => sum + Math.max(0, worker.slots - worker.running.length), 0);
    return { backend, unfit: unfit(backend), away: whyAway(plane, facts, wish), ended, faults, freeSlots, cost, running, isAdapter };
  });
}
