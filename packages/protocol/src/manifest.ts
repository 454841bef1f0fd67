import { z } from "zod";
import { nameSchema } from "./scalars.ts";

/** What `runner describe` prints of each backend; all that server, worker and CLI know of it. */
export const MANIFEST_VERSION = 1;

/** A backend as others know it. `secrets` names what its turns get, and whether they can do without. */
export const manifestSchema = z.object({
  manifestVersion: z.literal(MANIFEST_VERSION),
  name: nameSchema,
  version: z.string(),
  /** One sentence for people. */
  summary: z.string(),
  capabilities: z.object({
    /** A further turn continues the same conversation. */
    resume: z.boolean(),
    usage: z.boolean(),
    plan: z.boolean(),
    /** Needs a model, and so the gateway. */
    model: z.boolean(),
  }),
  /** JSON Schema of `backendConfig`. */
  configSchema: z.record(z.string(), z.unknown()),
  secrets: z.array(z.object({ name: z.string().regex(/^[A-Z][A-Z0-9_]*$/), required: z.boolean(), hint: z.string() })),
  /**
   * Packages that an image for this backend installs. Those of `pip` stand in a virtual environment of the backend's own, whose Python is on PATH as
   * `<backend>-python`, and are installed without their dependencies: the list names all that is needed, in exact versions.
   */
  image: z.object({ npm: z.array(z.string()).default([]), apt: z.array(z.string()).default([]), pip: z.array(z.string()).optional() }),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** What a backend's probe says for `slipway doctor`: what it tried and found, in words for people. */
export const probeResultSchema = z.object({
  backend: nameSchema,
  ok: z.boolean(),
  tried: z.string(),
  found: z.string(),
  /** What to type where it is not ok. */
  remedy: z.string().optional(),
});
export type ProbeResult = z.infer<typeof probeResultSchema>;
