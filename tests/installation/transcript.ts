import { mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "vitest";

const INSTALLATION = join(import.meta.dirname, "../..");
const FOLDER = join(import.meta.dirname, "transcripts");

/** What is another one in every run, and what stands in its place. In this order: a date holds what would look like a time. */
const VOLATILE: ReadonlyArray<readonly [RegExp, string]> = [
  // Where a line is broken depends on how long the folder's name is: doctor's go on below themselves.
  [/\n {19}(?!tried |lost |type )\s*/g, " "],
  [/\bhttp:\/\/127\.0\.0\.1:\d+/g, "<address>"],
  [/\bv?\d+\.\d+\.\d+\b(?!\.)/g, "<version>"],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<date>"],
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<id>"],
  // Git's ids: whole, and as short as they are shown.
  [/\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{12}|[0-9a-f]{7})\b/g, "<oid>"],
  // Behind the names of repositories and of branches.
  [/-[0-9a-f]{6}\b/g, "-<hash>"],
  [/just now|\b\d+ (?:s|min|h|d) ago/g, "<ago>"],
  [/\b\d+ (?:min \d\d s|h \d\d min)|\b\d+(?:\.\d+)? m?s\b/g, "<time>"],
  [/\b\d+(?:\.\d+)? (?:(?:[KMGT]i)?B|bytes)\b/g, "<size>"],
  // The demo submits its jobs side by side: which of them has which number is chance.
  [/\bslipway show \d+ --data/g, "slipway show <job> --data"],
  // Columns are as wide as their widest cell.
  [/ {2,}/g, "  "],
];

/** A job that waits long, on a machine that is busy, says so: such a note and the lines that it goes on in. */
const WAITING = /^.* ! (?:queued|integrating), waiting for .*\n(?: {11}.*\n)*/gm;

/** The text without what differs from run to run; `folder` is where all of it happened. */
export function normalised(text: string, folder: string): string {
  const plain = `${text.trimEnd()}\n`
    .replace(WAITING, "")
    .replaceAll(folder, "<folder>")
    .replaceAll(INSTALLATION, "<slipway>")
    .replaceAll(hostname(), "<host>");
  return VOLATILE.reduce((rest, [pattern, sign]) => rest.replace(pattern, sign), plain);
}

/** Compares with the transcript of that name; a mismatch shows the difference. UPDATE_TRANSCRIPTS=1 writes it instead. */
export async function expectTranscript(name: string, text: string, folder: string): Promise<void> {
  const path = join(FOLDER, `${name}.txt`);
  const found = normalised(text, folder);
  if (process.env["UPDATE_TRANSCRIPTS"] === "1") {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, found);
    return;
  }
  expect(found, `${path} (UPDATE_TRANSCRIPTS=1 writes it anew)`).toBe(await readFile(path, "utf8"));
}
