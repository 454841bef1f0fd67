import type { JobView } from "@slipway/protocol/job";
import { AUTO_BACKEND } from "@slipway/protocol/routing";
import type { NewJob } from "../store/store.ts";
import type { Plane } from "./facts.ts";
import { planRoute } from "./plan-route.ts";

/** Where a new try of a job that is over begins: at the start of its route, which is made anew. A job without a route goes as it did. */
export async function routeAgain(
  plane: Plane,
  { backend, backendConfig, requires, routing, mcpServers, permissions, readOnly, images }: JobView,
): Promise<Pick<NewJob, "backend" | "backendConfig" | "routing" | "requires">> {
  if (!routing) return { backend, backendConfig, requires, routing };
  const { asked, needs, route } = routing;
  const others = requires.filter((capability) => capability !== `backend:${backend}`);
  const [first] = route;
  const fallbacks = route.slice(1).filter(({ automatic }) => !automatic);
  const config = first?.config ?? backendConfig;
  const planned = await planRoute(plane, {
    asked: asked === AUTO_BACKEND ? asked : (first?.backend ?? asked),
    config,
    needs,
    fallbacks,
    requires: others,
    job: { mcpServers, permissions, readOnly, images },
  });
  return { ...planned, requires: [...new Set([...others, `backend:${planned.backend}`])] };
}
