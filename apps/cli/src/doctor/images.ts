import type { WorkerView } from "@slipway/protocol/worker-api";
import { printable } from "../terminal/text.ts";
import { type Check, check } from "./check.ts";

type Worker = Pick<WorkerView, "name" | "images" | "warnings">;

/** What jobs of each backend run in on each worker with images, and what the workers themselves warn of. */
export function checkWorkerImages(workers: readonly Worker[]): Check[] {
  const withImages = workers.filter(({ images }) => images.length > 0);
  const warned = workers.filter(({ warnings }) => warnings.length > 0);
  return [
    ...(withImages.length === 0
      ? []
      : [
          check(
            "worker",
            "images",
            withImages.every(({ images }) => images.every(({ agent }) => agent?.ok !== false)),
            {
              tried: "the image of each backend on each connected worker, and its agent in there",
              found: withImages.map(({ name, images }) => `${name}: ${images.map(describe).join(", ")}`).join("; "),
              lost: "jobs of a backend whose agent is missing fail",
              remedy: "slipway images build",
            },
          ),
        ]),
    ...(warned.length === 0
      ? []
      : [
          check("worker", "warnings", false, {
            tried: "what each connected worker says of itself",
            found: warned.map(({ name, warnings }) => `${name}: ${warnings.map(printable).join("; ")}`).join("\n"),
            lost: "no job, but its start is slower, or its image another one",
            remedy: "See the worker's log; `slipway images doctor` tries each image.",
          }),
        ]),
  ];
}

function describe({ backend, image, agent }: Worker["images"][number]): string {
  return `${backend} in ${printable(image)}${agent === null ? "" : ` (${printable(agent.found)})`}`;
}
