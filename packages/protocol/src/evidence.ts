import { z } from "zod";
import { fenceSchema, sha256Schema, timeSchema } from "./scalars.ts";

/** What a job leaves to be looked at: what its attempts stored, and what the server makes of the hub and the events when it is asked for. */

/** Artifacts that are made when they are asked for, and what is in each. What an attempt stores under such a name goes before it. */
export const MADE_ARTIFACTS = {
  "patch.diff": "the change, as `slipway diff` prints it",
  "numstat.txt": "lines added and removed, a file a line, as `git diff --numstat` has it",
  "files.json": "the same with what each file is: code, test, documentation or other",
  "checks.json": "what the checks said, of each change that they judged",
  "critics.json": "what critics said, of each change that they judged",
  "usage.json": "tokens and cost, in all and of each model call",
  "phases.json": "phases, turns and gates as spans, with names and times as OpenTelemetry has them",
  "scorecard.json": "how well it went, as `slipway show --scorecard` has it",
  "transcript.md": "what was said and done in each turn",
} as const;
/** The name of one. */
export type MadeArtifact = keyof typeof MADE_ARTIFACTS;

/** True for a name that is made when it is asked for. */
export function isMadeArtifact(name: string): name is MadeArtifact {
  return Object.hasOwn(MADE_ARTIFACTS, name);
}

/** One artifact of a job. */
export const artifactViewSchema = z.object({
  name: z.string(),
  /** What it is, for people. */
  what: z.string(),
  /** Null for one that is made when it is asked for. */
  bytes: z.int().nonnegative().nullable(),
  sha256: sha256Schema.nullable(),
  /** When it was stored; null for one that is made. */
  at: timeSchema.nullable(),
  /** The newest attempt that has it; null for one that is of the whole job. */
  fence: fenceSchema.nullable(),
});
/** One artifact of a job. */
export type ArtifactView = z.infer<typeof artifactViewSchema>;

/** A stretch of a job's time, with OpenTelemetry's names: ids in hex, times in nanoseconds since 1970 as text, as they do not fit a number. */
export const spanSchema = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .nullable(),
  name: z.string(),
  startTimeUnixNano: z.string(),
  /** Null while it goes on, or where its end was never told. */
  endTimeUnixNano: z.string().nullable(),
  status: z.object({ code: z.enum(["UNSET", "OK", "ERROR"]) }),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
/** A stretch of a job's time. */
export type Span = z.infer<typeof spanSchema>;
