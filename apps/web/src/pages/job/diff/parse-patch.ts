import type { Change, File, Hunk } from "gitdiff-parser";

/**
 * Reads git's patches. What is in one was written by others: lines are told by the counts of their hunk, and by nothing that stands in them. The lines of a file are
 * read when they are asked for, as most of a large change is never looked at.
 */

/** A file of a patch. */
export interface PatchFile {
  /** Place in the patch, from 0. */
  readonly index: number;
  /** Where it is now; of a deleted one where it was. */
  readonly path: string;
  /** Where it was, if that is another place. */
  readonly oldPath: string | null;
  readonly kind: "added" | "deleted" | "modified" | "renamed" | "copied";
  readonly isBinary: boolean;
  /** Such as `100644 → 100755`, where the mode changed. */
  readonly mode: string | null;
  readonly added: number;
  readonly removed: number;
  /** Lines that are shown with it: changed ones, and those around them. */
  readonly lines: number;
  /** Whether it is another text than git would show, such as a link or a submodule. */
  readonly special: "link" | "submodule" | null;
  readonly hunks: () => Hunk[];
  /** Another one where its change is another one. */
  readonly digest: () => string;
}

/** Of react-diff-view. */
export type DiffType = File["type"];

/** All files of a patch, in git's order. */
export function parsePatch(patch: string): PatchFile[] {
  const starts: number[] = [];
  // Lines of files begin with a blank, +, - or \, so that no file can hold such a line.
  for (let at = patch.startsWith("diff --git ") ? 0 : nextFile(patch, 0); at >= 0; at = nextFile(patch, at)) starts.push(at);
  return starts.map((start, index) => readFile(patch.slice(start, starts[index + 1] ?? patch.length), index));
}

function nextFile(patch: string, from: number): number {
  const at = patch.indexOf("\ndiff --git ", from);
  return at < 0 ? -1 : at + 1;
}

function readFile(text: string, index: number): PatchFile {
  const bodyAt = text.indexOf("\n@@ ");
  const head = (bodyAt < 0 ? text : text.slice(0, bodyAt)).split("\n");
  const body = bodyAt < 0 ? "" : text.slice(bodyAt + 1);
  const value = (name: string): string | undefined => head.find((line) => line.startsWith(name))?.slice(name.length);
  const [newMode, oldMode] = [value("new file mode "), value("deleted file mode ")];
  const [from, to] = [value("rename from ") ?? value("copy from "), value("rename to ") ?? value("copy to ")];
  const [oldSide, newSide] = [value("--- "), value("+++ ")];
  const named = namesOf(head[0] ?? "");
  const before = from === undefined ? (side(oldSide) ?? named) : unquote(from);
  const after = to === undefined ? (side(newSide) ?? named) : unquote(to);
  const kind =
    newMode !== undefined
      ? "added"
      : oldMode !== undefined
        ? "deleted"
        : value("rename from ") !== undefined
          ? "renamed"
          : value("copy from ") !== undefined
            ? "copied"
            : "modified";
  const modes = [value("old mode "), value("new mode ")];
  const mode = newMode ?? oldMode ?? modes[1] ?? value("index ")?.split(" ")[1];
  const counts = countLines(body);
  return {
    index,
    path: kind === "deleted" ? before : after,
    oldPath: (kind === "renamed" || kind === "copied") && before !== after ? before : null,
    kind,
    isBinary: head.some((line) => line.startsWith("Binary files ") || line === "GIT binary patch"),
    mode: modes[0] !== undefined && modes[1] !== undefined ? `${modes[0]} → ${modes[1]}` : null,
    special: mode === "120000" ? "link" : mode === "160000" ? "submodule" : null,
    ...counts,
    hunks: () => readHunks(body),
    digest: () => digestOf(text),
  };
}

/** FNV-1a: it tells a file that changed since it was looked at, and guards nothing. */
function digestOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return `${(hash >>> 0).toString(16)}-${text.length}`;
}

function countLines(body: string): Pick<PatchFile, "added" | "removed" | "lines"> {
  let [added, removed, lines] = [0, 0, 0];
  for (let at = 0; at < body.length; ) {
    const first = body.charCodeAt(at);
    if (first === PLUS) added += 1;
    else if (first === MINUS) removed += 1;
    if (first === PLUS || first === MINUS || first === BLANK) lines += 1;
    const end = body.indexOf("\n", at);
    at = end < 0 ? body.length : end + 1;
  }
  return { added, removed, lines };
}

const [PLUS, MINUS, BLANK] = [43, 45, 32];

function readHunks(body: string): Hunk[] {
  const hunks: Hunk[] = [];
  const lines = body.split("\n");
  for (let at = 0; at < lines.length; ) {
    const content = lines[at] ?? "";
    const match = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(content);
    at += 1;
    if (!match) continue;
    const [oldStart, oldLines, newStart, newLines] = [Number(match[1]), Number(match[2] ?? 1), Number(match[3]), Number(match[4] ?? 1)];
    const changes: Change[] = [];
    let [oldLine, newLine] = [oldStart, newStart];
    while (at < lines.length && (oldLine < oldStart + oldLines || newLine < newStart + newLines)) {
      const line = lines[at] ?? "";
      at += 1;
      const text = line.slice(1);
      if (line.startsWith("+")) changes.push({ type: "insert", isInsert: true, lineNumber: newLine++, content: text });
      else if (line.startsWith("-")) changes.push({ type: "delete", isDelete: true, lineNumber: oldLine++, content: text });
      else if (!line.startsWith("\\")) changes.push({ type: "normal", isNormal: true, oldLineNumber: oldLine++, newLineNumber: newLine++, content: text });
    }
    hunks.push({ content, oldStart, oldLines, newStart, newLines, changes });
  }
  return hunks;
}

/** A side's name without the letter before it; undefined where there is none, or it is nothing. */
function side(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  // Git ends a name with a blank in it by a tab.
  const name = unquote(text.replace(/\t$/, ""));
  return name === "/dev/null" ? undefined : name.slice(2);
}

/** From `diff --git a/x b/x`, where nothing else names the file: both names are the same then, so that half of it is one. */
function namesOf(line: string): string {
  const rest = line.slice("diff --git ".length);
  if (rest.startsWith('"')) return unquote(rest.slice(0, rest.indexOf('" ') + 1)).slice(2);
  return rest.slice(2, (rest.length - 1) / 2);
}

/** Git quotes names with control characters, quotes or bytes beyond ASCII, as C does. */
function unquote(text: string): string {
  if (!text.startsWith('"') || !text.endsWith('"')) return text;
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (const [part] of text.slice(1, -1).matchAll(/\\[0-7]{3}|\\.|[^\\]+/gs)) {
    if (/^\\[0-7]/.test(part)) bytes.push(Number.parseInt(part.slice(1), 8));
    else if (part.startsWith("\\")) bytes.push(...encoder.encode(ESCAPES[part[1] ?? ""] ?? part.slice(1)));
    else bytes.push(...encoder.encode(part));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" };
