import { z } from "zod";
import { nameSchema, oidSchema, sha256Schema } from "./scalars.ts";

/** A second opinion on a change: who is asked, by what, what they answer, and what is made of it. */

/** How a model is spoken to, over the gateway. */
export const CRITIC_MODEL_KINDS = ["openai", "anthropic", "google", "openai-compatible"] as const;
export type CriticModelKind = (typeof CRITIC_MODEL_KINDS)[number];

/** The providers that have a gateway's default names, and what is spoken to them; to all others `openai-compatible`. */
export const CRITIC_KIND_OF_PROVIDER: Readonly<Record<string, CriticModelKind>> = { openai: "openai", anthropic: "anthropic", gemini: "google" };

/** What a critic's word does: `required` refuses the change, `advisory` is only told. */
export const CRITIC_LEVELS = ["required", "advisory"] as const;
export type CriticLevel = (typeof CRITIC_LEVELS)[number];

const criticModelSchema = z.strictObject({
  provider: nameSchema.describe("The provider, as the gateway's configuration names it ([gateway.md](gateway.md))."),
  name: z.string().min(1).max(200).describe("The model, as its provider names it."),
  kind: z
    .enum(CRITIC_MODEL_KINDS)
    .optional()
    .describe("What is spoken to it; by the provider's name where it is missing: openai, anthropic, and google for gemini; else openai-compatible."),
  maxOutputTokens: z
    .int()
    .min(256)
    .max(200_000)
    .default(16_000)
    .describe("Longest answer, thoughts included. So much is reserved in the job's budget for each question."),
});
/** A model that is asked by itself. */
export type CriticModel = z.infer<typeof criticModelSchema>;

const oneCriticSchema = z
  .strictObject({
    name: nameSchema.describe("Its name, as shown in the history."),
    model: criticModelSchema.optional().describe("A model, asked over the gateway; this or `backend`."),
    backend: nameSchema.optional().describe("A backend with the capability `readOnly`, in a workspace of its own at the change's commit; this or `model`."),
    config: z.record(z.string(), z.unknown()).optional().describe("Settings of the backend, as `backendConfig` of a job has them."),
  })
  .superRefine(({ model, backend, config }, context) => {
    if ((model === undefined) === (backend === undefined)) context.addIssue({ code: "custom", message: "expected either `model` or `backend`" });
    else if (model && config)
      context.addIssue({ code: "custom", path: ["config"], message: "expected it beside `backend` alone: a model has its settings in `model`" });
  });
/** One critic of a repository. */
export type CriticSpec = z.infer<typeof oneCriticSchema>;

const rubricFileSchema = z
  .string()
  .min(1)
  .max(500)
  .refine((path) => !/[\0\n]/.test(path) && path.split("/").every((name) => name !== "" && name !== "." && name !== ".."), {
    error: "expected the path of a file below the root of the repository, such as docs/review.md, without `./`, `..` or a slash at an end",
  });

/** `critic` of a repository. */
export const criticSchema = z
  .strictObject({
    critics: z.array(oneCriticSchema).min(1).max(5).describe("Who is asked, one after the other, until enough have approved."),
    quorum: z.int().min(1).max(5).optional().describe("How many must approve; all of them where it is missing."),
    level: z
      .enum(CRITIC_LEVELS)
      .default("required")
      .describe("`required`: without enough approvals the change goes back to its agent, and at last the job fails. `advisory`: it is only told."),
    minScore: z.number().min(0).max(100).default(0).describe("An approval with a lower score than this, of 100, counts as a rejection."),
    rubric: z.string().min(1).max(20_000).optional().describe("What to look at, in your words, beside the task and its criteria."),
    rubricFile: rubricFileSchema.optional().describe("The same as a file of the repository, read at the job's base commit; this or `rubric`."),
    timeoutSeconds: z
      .number()
      .min(1)
      .max(3_600)
      .default(300)
      .describe("For one critic, with all that it waits for; without an answer by then it has no verdict."),
    maxDiffBytes: z.int().min(1_000).max(400_000).default(200_000).describe("So much of the change is shown to a critic; what is cut is told."),
  })
  .superRefine(({ critics, quorum, rubric, rubricFile }, context) => {
    const names = critics.map(({ name }) => name);
    if (new Set(names).size < names.length) context.addIssue({ code: "custom", path: ["critics"], message: "the names of critics must differ" });
    if (quorum !== undefined && quorum > critics.length)
      context.addIssue({ code: "custom", path: ["quorum"], message: `expected at most ${critics.length}: there are no more critics` });
    if (rubric !== undefined && rubricFile !== undefined)
      context.addIssue({ code: "custom", path: ["rubricFile"], message: "expected either `rubric` or `rubricFile`" });
  });
export type CriticConfig = z.infer<typeof criticSchema>;

/** Longest acceptance criterion, in UTF-16 units. */
const CRITERION_LIMIT_CHARACTERS = 1_000;
/** How many of them a job may have. */
const CRITERIA_MAX = 30;
/** What a job's change must do, each to be judged by itself. */
export const criteriaSchema = z.array(z.string().trim().min(1).max(CRITERION_LIMIT_CHARACTERS)).max(CRITERIA_MAX);

/** How much a finding matters; the first two refuse a change. */
export const FINDING_SEVERITIES = ["blocker", "major", "minor", "nit"] as const;
export type FindingSeverity = (typeof FINDING_SEVERITIES)[number];

const lineSchema = z.int().positive().max(100_000_000);
const placeSchema = z.object({ file: z.string().min(1).max(4_096), line: lineSchema });
/** A line of a file, counted from 1. */
export type CriticPlace = z.infer<typeof placeSchema>;

/** What a critic answers, as JSON. Untrusted: what of it holds is found out by the worker. */
export const criticAnswerSchema = z.object({
  verdict: z.enum(["approve", "reject"]),
  summary: z.string().min(1).max(4_000),
  criteria: z
    .array(
      z.object({
        /** Its number in the question, from 1. */
        criterion: z.int().positive(),
        verdict: z.enum(["met", "unmet"]),
        reason: z.string().min(1).max(2_000),
        evidence: z.array(placeSchema).max(20).default([]),
      }),
    )
    .max(100),
  findings: z
    .array(
      z.object({
        severity: z.enum(FINDING_SEVERITIES),
        text: z.string().min(1).max(2_000),
        file: z.string().min(1).max(4_096).nullish(),
        line: lineSchema.nullish(),
      }),
    )
    .max(100),
  score: z.number().min(0).max(100),
  confidence: z.number().min(0).max(1),
});
/** What a critic answers, where it has the right form. */
export type CriticAnswer = z.infer<typeof criticAnswerSchema>;

/** A criterion as it was judged; `unproven`: said to be met, by lines that are not there. */
const judgedCriterionSchema = z.object({
  text: z.string().max(CRITERION_LIMIT_CHARACTERS),
  verdict: z.enum(["met", "unmet", "unproven"]),
  reason: z.string().max(2_000),
  /** Lines that are there. */
  evidence: z.array(placeSchema).max(20),
});

/** A finding as it was judged. */
const criticFindingSchema = z.object({
  severity: z.enum(FINDING_SEVERITIES),
  text: z.string().max(2_000),
  file: z.string().max(4_096).optional(),
  line: lineSchema.optional(),
  /** False where it names a file or a line that is not there: it is told, and refuses nothing. */
  proven: z.boolean(),
});
/** A finding as it was judged. */
export type CriticFinding = z.infer<typeof criticFindingSchema>;

/** What a critic's answer came to. Kept by the server, so that nobody is asked the same question twice. */
export const criticOpinionSchema = z.object({
  verdict: z.enum(["approve", "reject"]),
  summary: z.string().max(4_000),
  criteria: z.array(judgedCriterionSchema).max(CRITERIA_MAX),
  findings: z.array(criticFindingSchema).max(100),
  score: z.number().min(0).max(100),
  confidence: z.number().min(0).max(1),
  /** What of the answer did not count, in words for people. */
  notes: z.array(z.string().max(1_000)).max(200),
});
/** What a critic's answer came to. */
export type CriticOpinion = z.infer<typeof criticOpinionSchema>;

/** What a critic said of a change, as the job's events tell it. */
export const criticEventSchema = z.object({
  name: nameSchema,
  /** Who was asked, such as `model openai/gpt-5` or `backend codex`. */
  by: z.string().max(300),
  level: z.enum(CRITIC_LEVELS),
  /** `none`: it gave no verdict, which is never an approval. */
  verdict: z.enum(["approve", "reject", "none"]),
  /** Null without a verdict. */
  score: z.number().min(0).max(100).nullable(),
  confidence: z.number().min(0).max(1).nullable(),
  /** In the critic's words; without a verdict, why there is none. */
  summary: z.string().max(4_000),
  criteria: z.array(judgedCriterionSchema).max(CRITERIA_MAX),
  findings: z.array(criticFindingSchema).max(100),
  notes: z.array(z.string().max(1_000)).max(200),
  /** Whether the very same question had been answered before, and nobody was asked. */
  kept: z.boolean(),
  durationMs: z.number().nonnegative(),
  /** Name of the artifact that holds question, answers and verdict. */
  artifact: z.string().max(200).optional(),
});
/** What a critic said of a change, as the job's events tell it. */
export type CriticEvent = z.infer<typeof criticEventSchema>;

/** What was asked: of which tree, with which question, and whom. */
export const askedCriticSchema = z.strictObject({
  tree: oidSchema,
  /** Digest of all that the question is made of but the tree: base, task, criteria, rubric, rules, gates, and the version of the prompt. */
  question: sha256Schema,
  /** Who was asked, with release and settings. */
  critic: z.string().min(1).max(300),
});
export type AskedCritic = z.infer<typeof askedCriticSchema>;
/** Keeps an opinion for whoever asks the same again. */
export const keepOpinionSchema = askedCriticSchema.extend({ opinion: criticOpinionSchema });
