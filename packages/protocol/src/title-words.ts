/** A job's title where the submitter gave none: the first line of the task that says something. */
export function titleOf(task: string): string {
  const line =
    task
      .split("\n")
      .find((text) => text.trim().length > 0)
      ?.trim() ?? "job";
  return line.length <= 100 ? line : `${line.slice(0, 99).trimEnd()}…`;
}

/** Words of a title that every file system and shell takes, with `-` between them, at most 48 characters; empty where it has none. */
export function wordsOf(title: string): string {
  return title
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 48)
    .replace(/^-+|-+$/g, "");
}

/** Where a document goes that its submitter gave no path: a file named after the job's title, in the folder of its kind. */
export function documentPathOf(folder: string, title: string): string {
  return `${folder}/${wordsOf(title) || "document"}.md`;
}
