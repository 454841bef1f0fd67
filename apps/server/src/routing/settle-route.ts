import type { JobView } from "@slipway/protocol/job";
import type { Routing } from "@slipway/protocol/routing";
import { chooseBackend } from "./choose.ts";
import { candidatesOf, type Facts, type Plane, readFacts, whyAbsent } from "./facts.ts";
import { firstOpen, whyShut } from "./first-open.ts";

/**
 * Looks again at where a job waits that is queued: it goes on to the next stop of its route while the circuit of its own is open, or its agent is not there;
 * and where `auto` had it come to a stop by a failure, what is left of the choice is made anew, as things are now. The job as it is then.
 */
export async function settleRoute(plane: Plane, job: JobView): Promise<JobView> {
  const { routing } = job;
  if (job.state !== "queued" || !routing || routing.at >= routing.route.length - 1) return job;
  const facts = await readFacts(plane);
  const requires = job.requires.filter((capability) => capability !== `backend:${job.backend}`);
  const ordered = await chosenAnew(plane, facts, job.attempts, routing, requires);
  const { at, candidates } = firstOpen(plane, facts, { route: ordered.route, from: routing.at, requires });
  if (ordered.route[at]?.backend === job.backend) return job;
  const wish = { backend: job.backend, config: job.backendConfig, requires };
  const isShut = whyShut(plane, facts, wish) !== null;
  const cause = isShut ? (whyAbsent(plane, facts.workers, wish) === null ? "circuit" : "absent") : routing.cause;
  const seen = { fence: job.fence, backend: job.backend, at: routing.at };
  return (await plane.store.rerouteJob(job.id, seen, { ...ordered, at, cause, candidates })) ?? job;
}

/** The route with its automatic stops in the order that they have now: those to come, and the present one where the job has only just come to it. */
async function chosenAnew(plane: Plane, facts: Facts, attempts: number, routing: Routing, requires: readonly string[]): Promise<Routing> {
  const { route, at } = routing;
  const isNew = attempts === 0 && routing.cause === "failover";
  const isOpen = (index: number): boolean => (index > at || (isNew && index === at)) && route[index]?.automatic === true;
  const left = route.filter((_, index) => isOpen(index));
  if (left.length < 2) return routing;
  const records = await candidatesOf(plane, facts, { stops: left, requires, unfit: () => null });
  const { order } = chooseBackend(records);
  const sorted = order.flatMap((backend) => left.filter((entry) => entry.backend === backend));
  return { ...routing, route: [...route.filter((_, index) => !isOpen(index)), ...sorted] };
}
