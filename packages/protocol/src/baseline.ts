import { z } from "zod";
import { lineCoverageSchema } from "./events.ts";
import { nameSchema, oidSchema, sha256Schema, timeSchema } from "./scalars.ts";

/** What is known of gates beyond one run: how they end on the base, and which of their failures come and go. */

/** Whether a red gate may land: `require`, every gate is green on what lands; `tolerate`, one may be red by the very failure that its target has already. */
export const BASELINE_POLICIES = ["require", "tolerate"] as const;
/** One of them. */
export type BaselinePolicy = (typeof BASELINE_POLICIES)[number];

/** How a gate ended on a tree that no agent of this job has touched; keyed as a receipt is. */
export const gateBaselineSchema = z.object({
  tree: oidSchema,
  gate: nameSchema,
  command: z.string(),
  setupDigest: sha256Schema,
  image: z.string().max(200),
  environmentDigest: sha256Schema,
  exitCode: z.int(),
  /** The failure's signature; empty where it passed, and where it said nothing by which its failure could be told again. */
  failureDigest: z.union([z.literal(""), sha256Schema]),
  durationMs: z.number().nonnegative(),
  /** Where the gate has a report: what it told; no lines where it left none. */
  coverage: lineCoverageSchema.optional(),
});
/** How a gate ended on the base. */
export type GateBaseline = z.infer<typeof gateBaselineSchema>;

/** What a worker asks of one tree. */
export const baselinesResponseSchema = z.object({
  baselines: z.array(gateBaselineSchema),
  /** Failures that bounce no job, by gate and signature. */
  quarantined: z.array(z.object({ gate: nameSchema, failureDigest: sha256Schema })),
});
/** What is known of the gates of a tree. */
export type Baselines = z.infer<typeof baselinesResponseSchema>;

/** A failure that was gone when the gate was run again on the same files. */
export const gateFlakeSchema = z.strictObject({
  gate: nameSchema,
  failureDigest: sha256Schema,
  /** The end of what it said, secrets masked. */
  excerpt: z.string().max(2_000),
});
/** One flake as a worker reports it. */
export type GateFlake = z.infer<typeof gateFlakeSchema>;

/** A flaky failure as the API shows it. */
export const flakeViewSchema = z.object({
  gate: nameSchema,
  failureDigest: sha256Schema,
  /** Jobs in which it came and went. */
  jobs: z.int().positive(),
  quarantined: z.boolean(),
  firstAt: timeSchema,
  lastAt: timeSchema,
  /** Number of the newest of these jobs. */
  lastJob: z.int().positive(),
  excerpt: z.string(),
});
/** One of a repository's flaky failures. */
export type FlakeView = z.infer<typeof flakeViewSchema>;

/** Why a red gate bounces nobody: `before`, its target was red by the same failure; `quarantined`, its failure is known as flaky. */
export type Excuse = "before" | "quarantined";
