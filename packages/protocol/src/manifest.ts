import { z } from "zod";
import { hostPatternSchema } from "./egress.ts";
import { nameSchema } from "./scalars.ts";

/** What `runner describe` prints of each backend; all that server, worker and CLI know of it. */
export const MANIFEST_VERSION = 1;

/**
 * The version of the contract between the runner and a backend (`backends/sdk`). It goes up when a backend that was written for the one before would no longer
 * work; what is added and may be left out changes nothing. A backend of another version is not loaded.
 */
export const CONTRACT_VERSION = 1;

/** Where the program of an agent comes from, and which releases of it the backend was tested with. */
export const releaseSchema = z.object({
  registry: z.enum(["npm", "pypi"]).default("npm"),
  /** As the registry has it, such as `@openai/codex`. */
  package: z.string().min(1).max(200),
  /** The release that the backend is made for, exactly; the image has this one. */
  version: z.string().min(1).max(100),
  /** The releases that it was tested with, in words for people such as `0.169.x`; the pinned one alone where it is missing. */
  tested: z.string().min(1).max(200).optional(),
});
export type Release = z.infer<typeof releaseSchema>;

/** A backend as others know it. `secrets` names what its turns get, and whether they can do without. */
export const manifestSchema = z.object({
  manifestVersion: z.literal(MANIFEST_VERSION),
  /** Of the contract that it was written for; those from before this was told have 1. */
  contractVersion: z.int().positive().default(1),
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
    /** Can do without a model where there is no way to one. */
    modelOptional: z.boolean().default(false),
    /** Takes a message in the middle of a turn. */
    steer: z.boolean().default(false),
    /** Does well in a workspace that it may look at and not change. */
    readOnly: z.boolean().default(false),
    /** Takes pictures with a prompt. */
    images: z.boolean().default(false),
    /** Starts the MCP servers that a job names. */
    mcp: z.boolean().default(false),
    /** Asks before it does something; the job's policy answers. */
    permissions: z.boolean().default(false),
    /** Hosts that the agent cannot work without, beside its models. A repository has to let it reach them (`egress.turn`). */
    network: z.array(hostPatternSchema).max(50).default([]),
  }),
  /** JSON Schema of `backendConfig`. */
  configSchema: z.record(z.string(), z.unknown()),
  secrets: z.array(z.object({ name: z.string().regex(/^[A-Z][A-Z0-9_]*$/), required: z.boolean(), hint: z.string() })),
  /** The agent's program, where a registry has it. */
  release: releaseSchema.optional(),
  /** The setting by which a job names the agent's program itself, such as `command`: what the probe found of the usual one does not count for such a job. */
  programSetting: z.string().min(1).max(100).optional(),
  /** The backend that drives the same agent by itself, where this one does it through an adapter: `auto` takes that one first where nothing else tells them apart. */
  adapterOf: nameSchema.optional(),
  /**
   * Packages that an image for this backend installs. Those of `pip` stand in a virtual environment of the backend's own, whose Python is on PATH as
   * `<backend>-python`, and are installed without their dependencies: the list names all that is needed, in exact versions.
   */
  image: z.object({ npm: z.array(z.string()).default([]), apt: z.array(z.string()).default([]), pip: z.array(z.string()).optional() }),
});
export type Manifest = z.infer<typeof manifestSchema>;
/** A manifest as a definition says it: what has a default may be left out. */
export type ManifestInput = z.input<typeof manifestSchema>;

/** A backend that is installed and cannot be loaded, for people to mend. */
export const brokenBackendSchema = z.object({
  /** The backend's name, or that of the package where it does not say which backends it has. */
  name: z.string().max(214),
  /** The npm package that brings it. */
  package: z.string().max(214),
  /** The file that could not be read or loaded. */
  file: z.string().max(4_096),
  problem: z.string().max(2_000),
  expected: z.string().max(1_000),
  /** What to do. */
  remedy: z.string().max(1_000),
});
export type BrokenBackend = z.infer<typeof brokenBackendSchema>;

/** What `runner backends` prints: the manifests of all backends that can be loaded, and why the others cannot. */
export const backendListSchema = z.object({ manifests: z.array(manifestSchema), broken: z.array(brokenBackendSchema) });
export type BackendList = z.infer<typeof backendListSchema>;

/** What a backend's probe says for `slipway doctor`: what it tried and found, in words for people. */
export const probeResultSchema = z.object({
  backend: nameSchema,
  ok: z.boolean(),
  tried: z.string(),
  found: z.string(),
  /** What to type where it is not ok. */
  remedy: z.string().optional(),
  /** The agent's release, where it told one. */
  version: z.string().optional(),
  /** The file of the program that it asked; missing where it asked none. What was found holds for as long as that file stays the same. */
  program: z.string().optional(),
});
export type ProbeResult = z.infer<typeof probeResultSchema>;
