import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { readGit } from "../checkout/read-git.ts";
import type { Place } from "./place.ts";

/** A commit that wrote lines. */
export interface BlamedCommit {
  readonly oid: string;
  readonly subject: string;
  readonly message: string;
  readonly author: string;
  /** When it was committed, in ms. */
  readonly at: number;
}

/** Lines that follow each other and come from the same commit; null: they are not committed yet. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** What the file was called in that commit, from the root of the repository. */
  readonly file: string;
  readonly commit: BlamedCommit | null;
}

/** Who wrote these lines of a user's checkout as it is now. NOT_FOUND for a file or a line that is not there, CONFLICT where git does not follow the file. */
export async function readBlame({ file, from, to }: Place, folder: string): Promise<Stretch[]> {
  const path = resolve(folder, file);
  const found = await stat(path).catch(() => undefined); // What is not there is told below.
  if (!found?.isFile()) {
    const what = found ? "is no file" : "is not there";
    throw new SlipwayError("NOT_FOUND", `${file} ${what}.`, { file, hint: "Name a file that this checkout has, relative to the current folder." });
  }
  const at = dirname(path);
  const text = await blame(["blame", "--porcelain", "-L", `${from},${to}`, "--", path], file, at);
  const lines = porcelainLines(text);
  const read = new Map<string, BlamedCommit>();
  for (const { oid } of lines) if (isCommitted(oid) && !read.has(oid)) read.set(oid, await readCommit(oid, at));
  const stretches: Array<{ from: number; to: number; file: string; commit: BlamedCommit | null }> = [];
  for (const { oid, line, name } of lines) {
    const last = stretches.at(-1);
    const commit = read.get(oid) ?? null;
    if (last && last.commit === commit && last.file === name && last.to === line - 1) last.to = line;
    else stretches.push({ from: line, to: line, file: name, commit });
  }
  return stretches;
}

async function blame(args: readonly string[], file: string, folder: string): Promise<string> {
  try {
    return await readGit(args, folder);
  } catch (error) {
    const words = error instanceof SlipwayError ? String(error.details["stderr"]) : "";
    const lines = /has only (\d+) lines?/.exec(words)?.[1];
    if (lines !== undefined) {
      const hint = lines === "0" ? "The file is empty." : `Its last line is ${lines}.`;
      throw new SlipwayError("NOT_FOUND", `${file} has only ${lines} lines.`, { file, lines: Number(lines), hint });
    }
    if (/no such path|is outside repository|no such ref: HEAD/.test(words)) {
      const hint = "It has no commit yet: `git add` and `git commit` it first.";
      throw new SlipwayError("CONFLICT", `git does not follow ${file} here.`, { file, hint }, { cause: error });
    }
    throw error;
  }
}

function isCommitted(oid: string): boolean {
  return !/^0+$/.test(oid);
}

interface BlamedLine {
  readonly oid: string;
  readonly line: number;
  readonly name: string;
}

/** The porcelain form of git-blame(1): a header for each line, details of a commit where it comes first, then the line behind a tab. */
function porcelainLines(text: string): BlamedLine[] {
  const result: BlamedLine[] = [];
  const names = new Map<string, string>();
  let current: { oid: string; line: number } | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith("\t")) {
      if (current) result.push({ ...current, name: names.get(current.oid) ?? "" });
      current = undefined;
    } else if (current === undefined) {
      const head = /^([0-9a-f]{40,64}) \d+ (\d+)/.exec(line);
      if (head?.[1]) current = { oid: head[1], line: Number(head[2]) };
    } else if (line.startsWith("filename ")) names.set(current.oid, line.slice("filename ".length));
  }
  return result;
}

async function readCommit(oid: string, folder: string): Promise<BlamedCommit> {
  const text = await readGit(["show", "--no-patch", "--no-show-signature", "--format=%an%x00%ct%x00%s%x00%B", oid], folder);
  const [author = "", seconds = "", subject = "", message = ""] = text.split("\0");
  return { oid, author, subject, message, at: Number(seconds) * 1_000 };
}
