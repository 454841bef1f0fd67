import { z } from "zod";
import { idSchema, oidSchema } from "./scalars.ts";

/** A person's comments on a job's change, which become the task of a job that goes on from it. */

/** Names of changes as `changesOf` gives them. */
export const changeIdSchema = z
  .string()
  .regex(/^([1-9][0-9]{0,9}(\.[1-9][0-9]{0,2})?|accepted)$/, "expected the name of a change, such as 2 (what attempt 2 ended with) or 2.1 (its first one)");

/** Comments that go with one request. */
export const REVIEW_COMMENTS_MAX = 200;
/** Longest comment, in UTF-16 units. */
export const REVIEW_COMMENT_LIMIT_CHARACTERS = 4_000;
/** Longest note on the whole of a change, in UTF-16 units. */
export const REVIEW_NOTE_LIMIT_CHARACTERS = 20_000;

const lineSchema = z.int().min(1).max(100_000_000);

/** A comment on a file of a change, or on some of its lines. */
export const reviewCommentSchema = z
  .strictObject({
    path: z.string().min(1).max(4_096).describe("The file, from the root of the repository."),
    line: lineSchema.optional().describe("Its first line, counted from 1; the whole file where it is missing."),
    endLine: lineSchema.optional().describe("Its last line; the first one where it is missing."),
    side: z.enum(["new", "old"]).default("new").describe("Which file the lines are of: as the change has it, or as it was before."),
    text: z.string().trim().min(1).max(REVIEW_COMMENT_LIMIT_CHARACTERS).describe("What is asked for."),
  })
  .superRefine(({ line, endLine }, context) => {
    if (endLine !== undefined && (line === undefined || endLine < line))
      context.addIssue({ code: "custom", path: ["endLine"], message: line === undefined ? "expected `line` beside it" : `expected ${line} or more` });
  });
/** A comment on a change. */
export type ReviewComment = z.output<typeof reviewCommentSchema>;

/** What a person sends. */
export const reviseJobSchema = z
  .strictObject({
    note: z.string().trim().max(REVIEW_NOTE_LIMIT_CHARACTERS).default("").describe("What is asked of the change as a whole."),
    comments: z.array(reviewCommentSchema).max(REVIEW_COMMENTS_MAX).default([]).describe("What is asked at single places."),
    change: changeIdSchema.optional().describe("The change that was looked at; the newest where it is missing."),
  })
  .superRefine(({ note, comments }, context) => {
    if (note === "" && comments.length === 0) context.addIssue({ code: "custom", path: ["note"], message: "expected a note, or at least one comment" });
  });
/** What a person asks of a change. */
export type ReviseJob = z.output<typeof reviseJobSchema>;

/** The job whose work another one goes on from, by the word of a person. */
export const continuesSchema = z.object({
  jobId: idSchema,
  number: z.int().positive(),
  /** The commit whose files come into the workspace above its base, and their tree; null where the base has them: the change landed, or is on a branch. */
  work: z.object({ oid: oidSchema, tree: oidSchema }).nullable(),
});
/** The job whose work another one goes on from. */
export type Continues = z.infer<typeof continuesSchema>;
