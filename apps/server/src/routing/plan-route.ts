import { SlipwayError } from "@slipway/protocol/errors";
import { AUTO_BACKEND, type BackendNeed, type Fallback, type RouteEntry, type Routing } from "@slipway/protocol/routing";
import { type Asking, checkAbilities } from "../jobs/backend-abilities.ts";
import { checkBackendConfig } from "../jobs/backend-config.ts";
import { type Choice, chooseBackend } from "./choose.ts";
import { candidatesOf, type Facts, lacking, type Plane, readFacts } from "./facts.ts";
import { firstOpen } from "./first-open.ts";

/** What a job asks of its backend. */
export interface RouteWish {
  /** A name, or `auto`. */
  readonly asked: string;
  /** Of the first backend. */
  readonly config: Record<string, unknown>;
  readonly needs: readonly BackendNeed[];
  readonly fallbacks: readonly Fallback[];
  /** What it requires of a worker beside the backend. */
  readonly requires: readonly string[];
  readonly job: Asking;
}

/** Where a job begins. */
export interface PlannedRoute {
  readonly backend: string;
  readonly backendConfig: Record<string, unknown>;
  /** Null for a job that names one backend and needs nothing of it. */
  readonly routing: Routing | null;
}

/**
 * The way that a job takes through backends: chosen, or as it names them, each checked for what the job needs. INVALID_REQUEST names the need, and which
 * backend lacks it; BACKEND_NOT_INSTALLED, BACKEND_BROKEN and INVALID_REQUEST for settings as for any backend.
 */
export async function planRoute(plane: Plane, wish: RouteWish): Promise<PlannedRoute> {
  const { asked, config, needs, fallbacks } = wish;
  if (asked !== AUTO_BACKEND && needs.length === 0 && fallbacks.length === 0) {
    await checkStop(plane, wish, { backend: asked, config });
    return { backend: asked, backendConfig: config, routing: null };
  }
  const facts = await readFacts(plane);
  const choice = asked === AUTO_BACKEND ? await chooseFor(plane, facts, wish) : undefined;
  if (!choice) {
    requireNeeds(facts, asked, needs);
    await checkStop(plane, wish, { backend: asked, config });
  }
  const named = await checkFallbacks(plane, facts, wish);
  const [first = asked, ...others] = choice?.order ?? [asked];
  const automatic = others.filter((backend) => !named.some((entry) => entry.backend === backend));
  const route = withoutRepeats([{ backend: first, config }, ...named, ...automatic.map((backend) => ({ backend, config, automatic: true }))]);
  const { at, candidates } = firstOpen(plane, facts, { route, from: 0, requires: wish.requires });
  const begin = route[at] ?? { backend: first, config };
  const told = choice && at === 0 ? choice.candidates : candidates;
  return { backend: begin.backend, backendConfig: begin.config, routing: { asked, needs: [...needs], route, at, cause: "submit", candidates: told } };
}

async function checkStop({ store, signals }: Plane, { job }: RouteWish, { backend, config }: Pick<RouteEntry, "backend" | "config">): Promise<void> {
  await checkBackendConfig(store, signals, backend, config);
  await checkAbilities(store, backend, job);
}

/** Every backend that any worker has, by the rules of the choice. */
async function chooseFor(plane: Plane, facts: Facts, wish: RouteWish): Promise<Choice> {
  const { requires, needs } = wish;
  const backends = [...facts.manifests.keys()];
  if (backends.length === 0) {
    const hint = "Start a worker first, for example with `slipway up`, or name a backend: the job then waits for a worker that has it.";
    throw new SlipwayError("BACKEND_NOT_INSTALLED", "No worker has told yet which backends it has, so none can be chosen.", { backend: AUTO_BACKEND, hint });
  }
  const problems = new Map<string, string | null>();
  for (const backend of backends) problems.set(backend, await unfitFor(plane, facts, wish, backend));
  const stops = backends.map((backend) => ({ backend, config: wish.config }));
  const choice = chooseBackend(await candidatesOf(plane, facts, { stops, requires, unfit: (backend) => problems.get(backend) ?? null }));
  if (choice.order.length > 0) return choice;
  const reasons = choice.candidates.map(({ backend, reason }) => `${backend}: ${reason}`);
  const what = needs.length > 0 ? `that can do ${needs.join(", ")} and takes the job's settings` : "that takes the job as it is";
  throw new SlipwayError("INVALID_REQUEST", `backend: auto finds no backend ${what}.`, {
    field: needs.length > 0 ? "needs" : "backend",
    value: needs.length > 0 ? needs : AUTO_BACKEND,
    expected: `a backend of a worker ${what}`,
    candidates: choice.candidates.map(({ backend, reason }) => ({ backend, reason })),
    hint: `${reasons.join("; ")}.`,
  });
}

/** Why the backend cannot do the job, in words; null where it can. */
async function unfitFor(plane: Plane, { manifests }: Facts, wish: RouteWish, backend: string): Promise<string | null> {
  const missing = lacking(manifests.get(backend), wish.needs);
  if (missing.length > 0) return `has no ${missing.join(", ")}`;
  try {
    await checkStop(plane, wish, { backend, config: wish.config });
    return null;
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    return error.message.replace(/\.$/, "");
  }
}

async function checkFallbacks(plane: Plane, facts: Facts, wish: RouteWish): Promise<RouteEntry[]> {
  const entries = wish.fallbacks.map(entryOf);
  for (const [index, entry] of entries.entries()) {
    const field = `fallbacks.${index}`;
    if (entry.backend === AUTO_BACKEND) {
      const hint = "Name a backend; with `auto` as the job's own backend all that can do it follow one another anyway.";
      throw new SlipwayError("INVALID_REQUEST", `${field}: auto is no fallback.`, { field, value: AUTO_BACKEND, expected: "the name of a backend", hint });
    }
    try {
      requireNeeds(facts, entry.backend, wish.needs);
      await checkStop(plane, wish, entry);
    } catch (error) {
      if (!(error instanceof SlipwayError)) throw error;
      throw new SlipwayError(error.code, `The fallback ${entry.backend}: ${error.message}`, {
        ...error.details,
        field: innerField(field, error.details["field"]),
      });
    }
  }
  return entries;
}

/** Of a fallback's settings they are called `config`. */
function innerField(field: string, inner: unknown): string {
  return typeof inner === "string" && inner.startsWith("backendConfig") ? `${field}.${inner.replace("backendConfig", "config")}` : field;
}

function entryOf(fallback: Fallback): RouteEntry {
  if (typeof fallback === "string") return { backend: fallback, config: {}, automatic: false };
  const { backend, model, config } = fallback;
  return { backend, config: { ...config, ...(model === undefined ? {} : { model }) }, automatic: false };
}

function requireNeeds({ manifests }: Facts, backend: string, needs: readonly BackendNeed[]): void {
  const missing = lacking(manifests.get(backend), needs);
  if (missing.length === 0) return;
  const able = [...manifests.values()].filter((manifest) => lacking(manifest, needs).length === 0).map(({ name }) => name);
  const others = [...manifests.values()]
    .filter(({ name }) => name !== backend)
    .map((manifest) => `${manifest.name} lacks ${lacking(manifest, needs).join(", ")}`);
  const hint =
    able.length > 0 ? `Choose one of: ${able.toSorted().join(", ")}; or leave the need out.` : `No backend here has all of that: ${others.join("; ")}.`;
  throw new SlipwayError("INVALID_REQUEST", `needs: the backend ${backend} has no ${missing.join(", ")}.`, {
    field: "needs",
    value: needs,
    expected: `a backend with ${needs.join(", ")}`,
    backend,
    missing,
    able,
    hint,
  });
}

/** A stop that is there already would only end as before. */
function withoutRepeats(entries: ReadonlyArray<Omit<RouteEntry, "automatic"> & { automatic?: boolean }>): RouteEntry[] {
  const seen = new Set<string>();
  return entries.flatMap(({ backend, config, automatic = false }) => {
    const key = JSON.stringify([backend, config]);
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ backend, config, automatic }];
  });
}
