import type { ChangeData } from "react-diff-view";

/** A place in a change: a file, and lines of one of its sides. */
export interface Place {
  readonly path: string;
  readonly side: "new" | "old";
  /** Null: the whole file. */
  readonly line: number | null;
  /** Null: the one line alone. */
  readonly endLine: number | null;
}

/** `src/a.ts:12`, `src/a.ts:12-20`, and `src/a.ts:o12` for lines as they were before: what stands behind the # of an address. */
export function placeText({ path, side, line, endLine }: Place): string {
  if (line === null) return path;
  return `${path}:${side === "old" ? "o" : ""}${line}${endLine === null || endLine === line ? "" : `-${endLine}`}`;
}

/** Reads what `placeText` writes; null for nothing. */
export function readPlace(text: string): Place | null {
  if (text === "") return null;
  const match = /^(.+):(o?)(\d{1,8})(?:-(\d{1,8}))?$/s.exec(text);
  if (!match) return { path: text, side: "new", line: null, endLine: null };
  const [, path = "", old, line, endLine] = match;
  return { path, side: old === "o" ? "old" : "new", line: Number(line), endLine: endLine === undefined ? null : Number(endLine) };
}

/** The line's number on a side; null where it is not there. */
export function numberOn(change: ChangeData, side: "new" | "old"): number | null {
  if (change.type === "normal") return side === "new" ? change.newLineNumber : change.oldLineNumber;
  if (change.type === "insert") return side === "new" ? change.lineNumber : null;
  return side === "old" ? change.lineNumber : null;
}

/** The side on which a line is commented on in a view that shows it once. */
export function sideOf(change: ChangeData): "new" | "old" {
  return change.type === "delete" ? "old" : "new";
}

/** In words: "line 12", "lines 12 to 20, as before", "the whole file". */
export function placeWords({ side, line, endLine }: Omit<Place, "path">): string {
  if (line === null) return "the whole file";
  const lines = endLine === null || endLine === line ? `line ${line}` : `lines ${line} to ${endLine}`;
  return side === "old" ? `${lines}, as before` : lines;
}
