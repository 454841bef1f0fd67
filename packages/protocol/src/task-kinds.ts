import { z } from "zod";
import { oidSchema } from "./scalars.ts";

/** What a job is to bring about. Beside it stands the job's own `kind`, `task` or `verify`: only jobs of the kind `task` have one of these. */

/** Each with what its result is, for people. */
export const TASK_KINDS = {
  develop: "A change that passes gates and checks.",
  test: "Tests: only their paths may change, and none may become weaker.",
  fix: "A change that mends a failing test, or what a log shows.",
  research: "A document with the answer to a question.",
  plan: "A document that says how something is to be done.",
  review: "A verdict on a change; nothing is changed.",
} as const;
/** A task kind. */
export type TaskKind = keyof typeof TASK_KINDS;
/** Their names, in the order of the table. */
export const TASK_KIND_NAMES = Object.keys(TASK_KINDS) as [TaskKind, ...TaskKind[]];

/** The kinds whose result is a document. */
export const DOCUMENT_KINDS = ["research", "plan"] as const satisfies readonly TaskKind[];
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/** True where the job's result is a document. */
export function isDocumentKind(kind: TaskKind): kind is DocumentKind {
  return (DOCUMENT_KINDS as readonly TaskKind[]).includes(kind);
}

/** Longest log that goes with a job of the kind `fix`, in UTF-16 units; a longer one is cut in its middle before it is sent. */
export const FAILURE_LOG_LIMIT_CHARACTERS = 60_000;

const pathSchema = z
  .string()
  .min(1)
  .max(300)
  .refine(
    (path) => !/[\0-\x1f\x7f\\]/.test(path) && path.split("/").every((name) => name !== "" && name !== "." && name !== "..") && !/^\.git(\/|$)/i.test(path),
    { error: "expected a path below the root of the repository, such as docs/research/queues.md, without `./`, `..` or a slash at an end" },
  );

/** Path of a document: Markdown, below the root of the repository. */
export const documentPathSchema = pathSchema.refine((path) => /\.(md|markdown)$/i.test(path), { error: "expected a path that ends with .md" });
/** Folder of a repository's documents of one kind. */
export const documentFolderSchema = pathSchema;

/** What a review looks at, as a submitter names it. */
export const submittedReviewSchema = z.union([
  z.strictObject({ job: z.string().min(1).max(100).describe("Id or number of a job of the same repository, whose change is reviewed.") }),
  z.strictObject({
    base: z.string().min(1).max(250).describe("Branch or commit that the change starts from; its files say how the review is done."),
    head: z.string().min(1).max(250).describe("Branch or commit with the change."),
  }),
]);

/** What only jobs of some kinds have, as a submitter sends it. */
export const submittedTaskSpecSchema = z.strictObject({
  failingTest: z.string().min(1).max(500).optional().describe("`fix`: name of the test that fails, as its runner prints it."),
  failureLog: z.string().min(1).max(FAILURE_LOG_LIMIT_CHARACTERS).optional().describe("`fix`: what failed, as a log shows it. Quoted to the agent."),
  document: documentPathSchema.optional().describe("`research`, `plan`: path of the document; the repository's folder and the title where it is missing."),
  allowPaths: z.array(z.string().min(1).max(500)).max(50).optional().describe("`test`, `research`, `plan`: globs of further paths that the job may change."),
  review: submittedReviewSchema.optional().describe("`review`: what is reviewed."),
});
export type SubmittedTaskSpec = z.infer<typeof submittedTaskSpecSchema>;

/** What a review looks at, resolved. The job's own base is `headOid`: that is what its agent sees. */
export const reviewedSchema = z.object({
  baseOid: oidSchema,
  headOid: oidSchema,
  /** Which of the hub's stores has the head. */
  from: z.enum(["upstream", "jobs"]),
  /** Number of the job whose change it is; null for commits that somebody named. */
  job: z.int().positive().nullable(),
});
export type Reviewed = z.infer<typeof reviewedSchema>;

/** What only jobs of some kinds have, resolved. */
export const taskSpecSchema = submittedTaskSpecSchema.omit({ review: true }).extend({ review: reviewedSchema.optional() });
export type TaskSpec = z.infer<typeof taskSpecSchema>;

/** Which fields of the spec go with which kinds; the others have none. */
export const SPEC_FIELDS: Readonly<Record<keyof SubmittedTaskSpec, readonly TaskKind[]>> = {
  failingTest: ["fix"],
  failureLog: ["fix"],
  document: DOCUMENT_KINDS,
  allowPaths: ["test", ...DOCUMENT_KINDS],
  review: ["review"],
};

/** `documents` of a repository. */
export const documentsSchema = z.strictObject({
  research: documentFolderSchema.default("docs/research").describe("Folder for the documents of `research` jobs that name no path."),
  plan: documentFolderSchema.default("docs/plans").describe("Folder for those of `plan` jobs."),
  gates: z.boolean().default(false).describe("Whether the gates have to pass for documents too."),
});
