import type { Circuit } from "@slipway/protocol/routing";
import type { CircuitRow, WorkerRow } from "../store/store.ts";
import type { WorkerSignals } from "../workers/worker-signals.ts";

type Reports = Pick<WorkerSignals, "reportOf">;

/** By which a circuit knows what a backend's jobs run in: the image's id where the worker has images, else the worker's machine. */
export function imagesOf({ id }: Pick<WorkerRow, "id">, backends: readonly string[], reports: Reports): Record<string, string> {
  const { images } = reports.reportOf(id);
  return Object.fromEntries(backends.map((name) => [name, images.find(({ backend }) => backend === name)?.imageId ?? `host:${id}`]));
}

/** The circuits with the names that people know their places by. */
export function withPlaces(circuits: readonly CircuitRow[], workers: ReadonlyArray<Pick<WorkerRow, "id" | "name">>, reports: Reports): Circuit[] {
  const images = workers.flatMap(({ id }) => reports.reportOf(id).images);
  return circuits.map((circuit) => {
    const worker = workers.find(({ id }) => circuit.image === `host:${id}`);
    const image = images.find(({ imageId }) => imageId === circuit.image)?.image;
    return { ...circuit, place: image ?? (worker ? `the worker ${worker.name}` : circuit.image) };
  });
}

/** Whether a worker's jobs of the backend have to wait for its circuit. */
export function circuitAt(circuits: readonly CircuitRow[], worker: Pick<WorkerRow, "id">, backend: string, reports: Reports): CircuitRow | undefined {
  const image = imagesOf(worker, [backend], reports)[backend];
  return circuits.find((circuit) => circuit.backend === backend && circuit.image === image && circuit.state !== "due");
}
