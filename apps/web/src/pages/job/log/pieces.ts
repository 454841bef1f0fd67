import { type AnsiSpan, spansOf } from "./ansi-spans.ts";
import { plainOf } from "./style.ts";

/** Of a longer line the rest is shown when somebody asks for it, in UTF-16 units. */
const SHOWN_CHARACTERS = 10_000;

/** A piece of a line in one style, as a search left it. */
export interface Piece extends AnsiSpan {
  readonly isFound: boolean;
}

/** What of a line is shown, and how many of its characters are not. */
export function piecesOf(line: string, pattern: RegExp | undefined): { readonly pieces: readonly Piece[]; readonly hidden: number } {
  const shown = cut(line, SHOWN_CHARACTERS);
  const spans = spansOf(shown);
  const hidden = shown.length === line.length ? 0 : plainOf(line).length - plainOf(shown).length;
  if (!pattern) return { pieces: spans.map((span) => ({ ...span, isFound: false })), hidden };
  return { pieces: marked(spans, found(plainOf(shown), pattern)), hidden };
}

/** The beginning of a line, with no half sequence or character at its end. */
function cut(line: string, limit: number): string {
  if (line.length <= limit) return line;
  return line.slice(0, limit).replace(/\x1b(?:\[[\d;]*)?$|[\ud800-\udbff]$/, "");
}

function found(text: string, pattern: RegExp): Array<readonly [from: number, to: number]> {
  pattern.lastIndex = 0;
  return Array.from(text.matchAll(pattern), ({ index, 0: { length } }) => [index, index + length] as const);
}

/** The spans, cut where what was found begins and ends. */
function marked(spans: readonly AnsiSpan[], places: ReadonlyArray<readonly [from: number, to: number]>): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let next = 0;
  for (const span of spans) {
    const end = at + span.text.length;
    for (let from = at; from < end; ) {
      while ((places[next]?.[1] ?? Number.POSITIVE_INFINITY) <= from) next += 1;
      const [begin, stop] = places[next] ?? [end, end];
      const isFound = begin <= from;
      const to = Math.min(end, isFound ? stop : Math.max(begin, from));
      pieces.push({ ...span, text: span.text.slice(from - at, to - at), isFound });
      from = to;
    }
    at = end;
  }
  return pieces;
}
