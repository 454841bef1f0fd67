import { branchSchema } from "@slipway/protocol/scalars";

/** A job's title where the submitter gave none: the first line of the task that says something. */
export function titleOf(task: string): string {
  const line =
    task
      .split("\n")
      .find((text) => text.trim().length > 0)
      ?.trim() ?? "job";
  return line.length <= 100 ? line : `${line.slice(0, 99).trimEnd()}…`;
}

/** A new branch for a job: words of the title that every file system and shell takes, and the end of the id, which is random. */
export function targetOf(title: string, jobId: string): string {
  return branchSchema.parse(`slipway/${wordsOf(title) || "job"}-${jobId.slice(-6)}`);
}

/** Words of a title that every file system and shell takes, with `-` between them; empty where it has none. */
export function wordsOf(title: string): string {
  return title
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 48)
    .replace(/^-+|-+$/g, "");
}
