import { z } from "zod";

/** The result of a review. */

/** Artifact that holds the verdict of a review, as JSON. */
export const VERDICT_ARTIFACT = "verdict.json";

/** How much a finding matters, most first. */
export const SEVERITIES = ["blocker", "major", "minor", "nit"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One thing that a review found, as it is answered; most of the time with its place. */
export const verdictFindingSchema = z.strictObject({
  severity: z.enum(SEVERITIES).describe("`blocker`: must not land. `major`: should be mended first. `minor`: may be mended later. `nit`: taste."),
  file: z.string().min(1).max(1_000).nullable().default(null).describe("Path from the root of the repository; null where it is about the change as a whole."),
  line: z.int().positive().nullable().default(null).describe("Line in the file as it is after the change; null where it is about the file as a whole."),
  message: z.string().min(1).max(4_000).describe("What is wrong, why, and what would be right."),
});
/** One thing that a review found. */
export type VerdictFinding = z.infer<typeof verdictFindingSchema>;

/** What a reviewer answers. */
export const verdictSchema = z.strictObject({
  verdict: z.enum(["approve", "request-changes", "comment"]),
  summary: z.string().min(1).max(10_000).describe("The judgement in a few sentences."),
  findings: z.array(verdictFindingSchema).max(200).default([]),
});
/** A review's verdict. */
export type Verdict = z.infer<typeof verdictSchema>;
