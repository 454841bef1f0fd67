import type { JobView } from "@slipway/protocol/job";
import { type Plane, whyAbsent } from "./facts.ts";

/** Stops of the job's route, by their places from 0, that no connected worker can do as the agent is on none of them: a failover passes them over. */
export async function closedStops(plane: Plane, { routing, requires, backend }: JobView): Promise<number[]> {
  if (!routing || routing.at >= routing.route.length - 1) return [];
  const workers = await plane.store.listWorkers();
  const others = requires.filter((capability) => capability !== `backend:${backend}`);
  return [...routing.route.entries()]
    .filter(([, entry]) => whyAbsent(plane, workers, { backend: entry.backend, config: entry.config, requires: others }) !== null)
    .map(([index]) => index);
}
