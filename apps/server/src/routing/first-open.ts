import type { RouteCandidate, RouteEntry } from "@slipway/protocol/routing";
import { ableWorkers, circuitText, type Facts, type Plane, type Wish, whyAbsent, withAgent } from "./facts.ts";
import { circuitAt } from "./places.ts";

interface Walk {
  readonly route: readonly RouteEntry[];
  /** The stop to begin at. */
  readonly from: number;
  readonly requires: readonly string[];
}

/**
 * The first stop of a route that a worker can do: its agent is on one of the connected workers that could take the job, and its circuit is not open there; and
 * what is to be said of each from there on. Where there is none the job stays where it is, and waits. A stop whose workers are not connected is no reason to go
 * on: they may be on their way.
 */
export function firstOpen(plane: Pick<Plane, "signals">, facts: Facts, { route, from, requires }: Walk): { at: number; candidates: RouteCandidate[] } {
  const shut = route.map(({ backend, config }) => whyShut(plane, facts, { backend, config, requires }));
  const open = shut.findIndex((reason, index) => index >= from && reason === null);
  const at = open === -1 ? from : open;
  const candidates = route.map(({ backend, automatic }, index): RouteCandidate => {
    const role = index === 0 ? "the job's own choice" : automatic ? "comes after it by the rules of auto" : "a fallback";
    const why = shut[index];
    if (index === at) return { backend, taken: true, reason: why ? `waits: ${why}` : index === 0 ? role : "the first fallback that can go on" };
    if (index < from) return { backend, taken: false, reason: "had the job before" };
    return { backend, taken: false, reason: why ?? role };
  });
  return { at, candidates };
}

/** In words, why no worker that could take the job can do it with the backend now: its agent is not there, or all have to wait for it; null where one can. */
export function whyShut({ signals }: Pick<Plane, "signals">, { workers, circuits }: Facts, wish: Wish): string | null {
  const absent = whyAbsent({ signals }, workers, wish);
  if (absent !== null) return absent;
  const able = withAgent({ signals }, ableWorkers({ signals }, workers, wish), wish);
  const found = able.map((worker) => circuitAt(circuits, worker, wish.backend, signals));
  const [first] = found.flatMap((circuit) => circuit ?? []).toSorted((a, b) => a.openUntil - b.openUntil);
  return first && found.every((circuit) => circuit !== undefined) ? circuitText(first) : null;
}
