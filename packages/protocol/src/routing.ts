import { z } from "zod";
import { ERROR_CODES } from "./errors.ts";
import type { Manifest } from "./manifest.ts";
import { fenceSchema, idSchema, nameSchema, oidSchema, timeSchema } from "./scalars.ts";

/** How a job comes to its backend, and from there to another one. */

/** Named in place of a backend: the server chooses one by what workers, jobs and models tell (docs/routing.md). */
export const AUTO_BACKEND = "auto";

/** What a job may need of its backend, by the names that manifests have for it. */
export const BACKEND_NEEDS = ["resume", "usage", "plan", "steer", "readOnly", "images", "mcp", "permissions"] as const satisfies ReadonlyArray<
  keyof Manifest["capabilities"]
>;
export type BackendNeed = (typeof BACKEND_NEEDS)[number];

/** Needs of a job; each may stand once or more. */
export const needsSchema = z.array(z.enum(BACKEND_NEEDS)).max(20);

const configSchema = z.record(z.string(), z.unknown());

/** A backend that takes the job over: its name, or with settings of its own. Those of the job's first backend are not meant for it. */
export const fallbackSchema = z.union(
  [
    nameSchema,
    z.strictObject({
      backend: nameSchema.describe("The backend's name."),
      model: z.string().min(1).max(200).optional().describe("Model that the agent asks for; the same as `model` in `config`."),
      config: configSchema.default({}).describe("Settings for this backend, checked against its manifest's schema."),
    }),
  ],
  "expected the name of a backend, or a mapping of backend, model and config",
);
export type Fallback = z.output<typeof fallbackSchema>;

/** Fallbacks of a job, in their order. */
export const fallbacksSchema = z.array(fallbackSchema).max(10);

/** One stop of a job's route. */
export const routeEntrySchema = z.object({
  backend: z.string(),
  config: configSchema,
  /** Added by `auto`, behind what the job names itself. */
  automatic: z.boolean().default(false),
});
export type RouteEntry = z.infer<typeof routeEntrySchema>;

/** What the server thought of a backend when it chose: taken or not, and why, for people. */
export const routeCandidateSchema = z.object({ backend: z.string(), taken: z.boolean(), reason: z.string().max(1_000) });
export type RouteCandidate = z.infer<typeof routeCandidateSchema>;

/** What moved a job to a backend: its submission, a failure of the one before, a circuit that was open, or an agent that is not installed. */
export const ROUTE_CAUSES = ["submit", "failover", "circuit", "absent"] as const;
export type RouteCause = (typeof ROUTE_CAUSES)[number];

/** The route of a job that named `auto`, needs or fallbacks. */
export const routingSchema = z.object({
  /** The backend that was asked for: a name, or `auto`. */
  asked: z.string(),
  needs: needsSchema,
  /** All stops in order; those behind the present one are its fallbacks. */
  route: z.array(routeEntrySchema),
  /** Which of them the job is at, from 0. */
  at: z.int().nonnegative(),
  /** Of the newest choice. */
  cause: z.enum(ROUTE_CAUSES),
  candidates: z.array(routeCandidateSchema).max(200),
});
export type Routing = z.infer<typeof routingSchema>;

/** What a backend hands to the one that takes its job over. The texts are an agent's own and untrusted; secrets are masked in them. */
export const handoverSchema = z.object({
  backend: z.string(),
  fence: fenceSchema,
  failure: z.object({ code: z.enum(ERROR_CODES), message: z.string() }),
  /** The commit with its work, on the hub; null where there is none. */
  oid: oidSchema.nullable(),
  plan: z.array(z.object({ text: z.string(), status: z.enum(["open", "active", "done"]) })).max(30),
  /** Its last messages, oldest first. */
  messages: z.array(z.string()).max(5),
});
export type Handover = z.infer<typeof handoverSchema>;

/** A backend that failed by its own fault again and again in one image: jobs wait for it, or take their fallback, until it is tried again. */
export const circuitSchema = z.object({
  backend: z.string(),
  /** The id of the image; of a worker whose sandboxes have none, `host:` and the worker's id. */
  image: z.string(),
  /** The image, or the machine, in words for people. */
  place: z.string(),
  /** `open`: nothing is tried. `due`: the next job is let through. `trying`: one is under way. */
  state: z.enum(["open", "due", "trying"]),
  /** Failures in a row, each of another job. */
  faults: z.int(),
  openedAt: timeSchema,
  /** From then on one job is let through. */
  openUntil: timeSchema,
  /** The attempt that tries it. */
  canary: z.object({ jobId: idSchema, number: z.int(), fence: fenceSchema }).nullable(),
  code: z.enum(ERROR_CODES),
  message: z.string(),
});
export type Circuit = z.infer<typeof circuitSchema>;
