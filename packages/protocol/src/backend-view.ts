import { z } from "zod";
import { ERROR_CODES } from "./errors.ts";
import { circuitSchema } from "./routing.ts";
import { idSchema, nameSchema, timeSchema } from "./scalars.ts";

/** So far back goes what is told of how a backend's attempts ended, in days. */
export const BACKEND_USE_DAYS = 30;

/** A backend as the whole installation knows it: from its workers, and from the jobs that it had. */
export const backendViewSchema = z.object({
  name: nameSchema,
  /** From its manifest; null where no worker has it any more. */
  summary: z.string().nullable(),
  version: z.string().nullable(),
  /** Whether it needs a model, and whether its program comes from a registry, with the releases that it was tested with. */
  needsModel: z.boolean(),
  release: z.object({ package: z.string(), version: z.string(), tested: z.string() }).nullable(),
  /** The workers that have it. `agent`: what the probe said there; null while that is not known, or the worker is away. */
  workers: z.array(
    z.object({
      id: idSchema,
      name: z.string(),
      connected: z.boolean(),
      version: z.string(),
      agent: z.object({ ok: z.boolean(), version: z.string().nullable(), found: z.string(), remedy: z.string().nullable() }).nullable(),
    }),
  ),
  circuits: z.array(circuitSchema),
  /** Jobs of it that run now. */
  running: z.int().nonnegative(),
  /** Attempts that ended today, since 00:00 UTC, their jobs, and what they took of models. */
  today: z.object({ jobs: z.int(), attempts: z.int(), tokens: z.int(), costUsd: z.number() }),
  /** How the attempts of the last `BACKEND_USE_DAYS` days ended: with a change or an answer, or failed. Cancelled and expired ones are neither. */
  recent: z.object({ good: z.int(), failed: z.int() }),
  /** How the newest attempt ended; null where none has. `code` null: it went well. */
  last: z.object({ job: z.int().positive(), at: timeSchema, outcome: z.string(), code: z.enum(ERROR_CODES).nullable() }).nullable(),
});
/** A backend as the whole installation knows it. */
export type BackendView = z.infer<typeof backendViewSchema>;
