import type { FileDiff } from "@slipway/git/diff";

/** A change as a critic reads it. */
export interface DiffText {
  readonly text: string;
  /** What of it is not shown, in words: each file that is cut or left out, and why. */
  readonly cut: readonly string[];
}

/** Lines around each change. */
const CONTEXT_LINES = 8;
/** Longer lines are cut: minified code and data say nothing to a reader. */
const LINE_LIMIT_CHARACTERS = 500;
/** A file gets at least so much before it is left out. */
const SMALLEST_SHARE_BYTES = 1_000;

/** Every line with its number on the side that it is of, so that evidence can name it. At most about `limitBytes`; small files are shown whole before large ones are cut. */
export function diffText(files: readonly FileDiff[], limitBytes: number): DiffText {
  const parts = files.map((file) => ({ file, title: titleOf(file), lines: linesOf(file) }));
  const sizes = parts.map(({ title, lines }) => sizeOf([title, ...lines]));
  const shares = fairShares(sizes, limitBytes);
  const cut: string[] = [];
  const shown = parts.map(({ file, title, lines }, index) => {
    const share = shares[index] ?? 0;
    if ((sizes[index] ?? 0) <= share) return [title, ...lines].join("\n");
    if (share < SMALLEST_SHARE_BYTES) {
      cut.push(`${file.path}: none of its lines are shown, as the change is too large.`);
      return `${title}\n[not shown: the change is too large]`;
    }
    const first = upTo(lines, share - sizeOf([title]) - 100);
    cut.push(`${file.path}: ${lines.length - first.length} lines of its change are not shown, as the change is too large.`);
    return [title, ...first, `[${lines.length - first.length} more lines are not shown: the change is too large]`].join("\n");
  });
  return { text: shown.join("\n\n"), cut };
}

function titleOf({ path, status, added, removed, isBinary, isTooLarge, sizeBytes }: FileDiff): string {
  const what = isBinary ? `binary, ${sizeBytes} bytes` : isTooLarge ? `${sizeBytes} bytes, too large to be shown` : `+${added.length} -${removed.length}`;
  return `## ${path.replaceAll("\n", " ")} (${status}, ${what})`;
}

/** `-` and the old line's number, `+` and the new one's, or the new one's alone where a line stays. */
function linesOf({ before, after, added, removed }: FileDiff): string[] {
  const [oldLines, newLines] = [splitLines(before), splitLines(after)];
  const [gone, come] = [new Set(removed.map(({ number }) => number)), new Set(added.map(({ number }) => number))];
  const all: Array<{ text: string; isChange: boolean }> = [];
  for (let [old, now] = [1, 1]; old <= oldLines.length || now <= newLines.length; ) {
    if (gone.has(old)) all.push({ text: numbered("-", old, oldLines[old++ - 1]), isChange: true });
    else if (come.has(now)) all.push({ text: numbered("+", now, newLines[now++ - 1]), isChange: true });
    else {
      if (now <= newLines.length) all.push({ text: numbered(" ", now, newLines[now - 1]), isChange: false });
      old += 1;
      now += 1;
    }
  }
  return aroundChanges(all);
}

function splitLines(text: string | undefined): string[] {
  if (text === undefined || text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

function numbered(mark: string, number: number, line = ""): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return `${mark}${String(number).padStart(5)} ${text.length > LINE_LIMIT_CHARACTERS ? `${text.slice(0, LINE_LIMIT_CHARACTERS).toWellFormed()} […]` : text}`;
}

function aroundChanges(lines: ReadonlyArray<{ text: string; isChange: boolean }>): string[] {
  const near = new Uint8Array(lines.length);
  for (const [index, { isChange }] of lines.entries()) if (isChange) near.fill(1, Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1);
  return lines.flatMap(({ text }, index) => (near[index] ? [text] : near[index - 1] ? ["  …"] : []));
}

/** What each may take of the whole: who needs less than an equal part leaves the rest to the others. */
function fairShares(sizes: readonly number[], limitBytes: number): number[] {
  const shares = sizes.map(() => 0);
  let left = limitBytes;
  const order = sizes.map((size, index) => ({ size, index })).toSorted((one, other) => one.size - other.size);
  for (const [place, { size, index }] of order.entries()) {
    const share = Math.min(size, Math.floor(left / (order.length - place)));
    shares[index] = share;
    left -= share;
  }
  return shares;
}

function upTo(lines: readonly string[], roomBytes: number): string[] {
  let used = 0;
  const end = lines.findIndex((line) => {
    used += Buffer.byteLength(line) + 1;
    return used > roomBytes;
  });
  return lines.slice(0, end === -1 ? lines.length : end);
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
}
