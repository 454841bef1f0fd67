import { type Docker, openEngine } from "@slipway/images/engine/engine";
import { endContainer } from "./container.ts";
import { ask } from "./engine.ts";
import { WORKER_LABEL } from "./labels.ts";

/**
 * Ends and removes all containers of a worker, by its label; answers their ids. Where no engine answers there are none, unless that is `isRequired`: then
 * it is SANDBOX_UNAVAILABLE.
 */
export async function endContainersOf(workerLabel: string, { isRequired }: { readonly isRequired: boolean }): Promise<string[]> {
  const engine = await openEngine();
  const listed = ask("the list of containers", engine.listContainers({ all: true, filters: { label: [`${WORKER_LABEL}=${workerLabel}`] } }));
  const all = await listed.catch((error: unknown): Docker.ContainerInfo[] => {
    if (isRequired) throw error;
    return [];
  });
  const ids = all.filter(({ Labels }) => Labels[WORKER_LABEL] === workerLabel).map(({ Id }) => Id);
  await Promise.all(ids.map((id) => endContainer(engine.getContainer(id))));
  return ids;
}
