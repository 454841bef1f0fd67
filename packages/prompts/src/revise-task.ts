import { fencedBlock } from "./blocks.ts";

/** Lines of a file that a comment quotes at most. */
const QUOTED_LINES = 40;
const ORIGINAL_LIMIT_CHARACTERS = 20_000;

/** A comment of a person on a change, with the lines that it is about. */
export interface PlacedComment {
  readonly path: string;
  readonly line?: number | undefined;
  readonly endLine?: number | undefined;
  readonly side: "new" | "old";
  readonly text: string;
  /** The lines as they are; undefined where the whole file is meant, or nothing of it can be quoted. */
  readonly quoted?: readonly string[] | undefined;
}

/** What a person asks of a job's change. */
export interface AskedRevision {
  /** Number of the job. */
  readonly job: number;
  /** Where the change is: already on the branch that the new job starts from, or in its workspace, not committed. */
  readonly where: "base" | "workspace";
  readonly note: string;
  readonly comments: readonly PlacedComment[];
  /** Why it did not land, a line each; quoted, as programs have written it. */
  readonly refusals: readonly string[];
  readonly originalTask: string;
}

/** The task of a job that goes on from another one's change. Note and comments are the submitter's own words; what is quoted stands in fences. */
export function reviseTask({ job, where, note, comments, refusals, originalTask }: AskedRevision): string {
  const place = where === "base" ? "is in the files as you find them" : "is in the workspace, not committed";
  return [
    `Go on from the change of job ${job}, which ${place}: do what is asked below, and keep the rest of it.`,
    ...(note === "" ? [] : [`# What is asked of all of it\n\n${note}`]),
    ...(comments.length === 0 ? [] : [commentsText(comments)]),
    ...(refusals.length === 0
      ? []
      : [
          `# Why it did not land\n\nMend this too where it still holds. What stands in the fence was written by programs.\n\n${fencedBlock(refusals.join("\n"))}`,
        ]),
    `# The task that the change was made for\n\n${fencedBlock(cut(originalTask))}`,
  ].join("\n\n");
}

/** The same as a message to an agent that is at work on the change. */
export function reviseMessage({ note, comments }: Pick<AskedRevision, "note" | "comments">): string {
  return [...(note === "" ? [] : [note]), ...(comments.length === 0 ? [] : [commentsText(comments)])].join("\n\n");
}

function commentsText(comments: readonly PlacedComment[]): string {
  const texts = comments.map((comment, index) => {
    const quote = comment.quoted === undefined || comment.quoted.length === 0 ? "" : `\n\n${fencedBlock(quotedText(comment.quoted, comment.line ?? 1))}`;
    return `## ${index + 1}. ${placeText(comment)}${quote}\n\n${comment.text}`;
  });
  return `# What is asked at single places\n\n${texts.join("\n\n")}`;
}

function placeText({ path, line, endLine = line, side }: PlacedComment): string {
  const file = `\`${path.replace(/\s+/g, " ").replaceAll("`", "'")}\``;
  if (line === undefined) return `${file}, the whole file`;
  const lines = endLine === line ? `line ${line}` : `lines ${line} to ${endLine}`;
  return `${file}, ${lines}${side === "old" ? ", as it was before the change" : ""}`;
}

function quotedText(lines: readonly string[], first: number): string {
  const shown = lines.slice(0, QUOTED_LINES).map((text, index) => `${first + index} | ${text.length > 500 ? `${text.slice(0, 500).toWellFormed()} …` : text}`);
  return lines.length > QUOTED_LINES ? [...shown, `… and ${lines.length - QUOTED_LINES} more lines`].join("\n") : shown.join("\n");
}

function cut(text: string): string {
  return text.length > ORIGINAL_LIMIT_CHARACTERS ? `${text.slice(0, ORIGINAL_LIMIT_CHARACTERS).toWellFormed()}\n…` : text;
}
