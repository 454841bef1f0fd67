/** Text for people: durations, sizes, cutting and wrapping. Nothing here writes. */

/** Such as `45 ms`, `1.2 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** For a clock that runs: `5 s`, `3 min 05 s`, `2 h 10 min`. */
export function elapsed(ms: number): string {
  return ms < 60_000 ? `${Math.floor(ms / 1_000)} s` : duration(ms);
}

/** Such as `just now`, `5 min ago`, `3 d ago`. */
export function ago(at: number, now = Date.now()): string {
  const seconds = Math.max(0, (now - at) / 1_000);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** Such as `in 5 min`, `in 29 d`, and `over` for what has passed. */
export function until(at: number, now = Date.now()): string {
  const seconds = (at - now) / 1_000;
  if (seconds <= 0) return "over";
  if (seconds < 60) return `in ${Math.ceil(seconds)} s`;
  if (seconds < 3_600) return `in ${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `in ${Math.floor(seconds / 3_600)} h`;
  return `in ${Math.floor(seconds / 86_400)} d`;
}

/** Such as `812 B`, `1.5 MiB`. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/**
 * Text from an agent or a repository, safe for a terminal: escape sequences and control characters are removed (they could rewrite what the
 * user reads, or type into some terminals), tabs become spaces.
 */
export function printable(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g, "")
    .replace(/\t/g, "  ")
    .replace(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, "");
}

/** The first line that holds something. */
export function firstLine(text: string): string {
  return (
    printable(text)
      .split("\n")
      .find((line) => line.trim() !== "")
      ?.trim() ?? ""
  );
}

/** At most `width` columns; what is cut shows as `…`. */
export function cut(text: string, width: number): string {
  const signs = signsOf(text);
  if (columnsOf(text) <= width) return text;
  return `${signs
    .slice(0, fitting(signs, Math.max(width - 1, 0)))
    .join("")
    .trimEnd()}…`;
}

/** The text and spaces after it, `width` columns in all. */
export function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(width - columnsOf(text), 0));
}

/** Lines of at most `width` columns, broken between words where there are any. */
export function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => wrapLine(line, width));
}

/** What is to be typed: text of several lines stays as it is, so that a command in it can be copied; a single one is wrapped. */
export function commandLines(text: string, width: number): string[] {
  return text.includes("\n") ? printable(text).split("\n") : wrap(printable(text), width);
}

function wrapLine(line: string, width: number): string[] {
  const lines: string[] = [];
  let rest = signsOf(line);
  for (let end = fitting(rest, width); end < rest.length; end = fitting(rest, width)) {
    const space = rest.lastIndexOf(" ", end);
    const at = space > end / 3 ? space : Math.max(end, 1);
    lines.push(rest.slice(0, at).join("").trimEnd());
    rest = rest.slice(rest[at] === " " ? at + 1 : at);
  }
  return [...lines, rest.join("")];
}

const SIGNS = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** What a person sees as one sign each: an emoji with its modifiers, a letter with its accents. */
function signsOf(text: string): string[] {
  return PLAIN.test(text) ? text.split("") : Array.from(SIGNS.segment(text), ({ segment }) => segment);
}

/** How many of the signs fit into so many columns. */
function fitting(signs: readonly string[], width: number): number {
  let columns = 0;
  for (const [index, sign] of signs.entries()) {
    columns += columnsOfSign(sign);
    if (columns > width) return index;
  }
  return signs.length;
}

const PLAIN = /^[\x20-\x7e]*$/;
/** What terminals draw two columns wide: East Asian wide and full-width forms (Unicode TR 11), and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
const INVISIBLE = /^[\p{M}\p{Cf}]*$/u;

function columnsOfSign(sign: string): number {
  if (PLAIN.test(sign)) return sign.length;
  if (INVISIBLE.test(sign)) return 0;
  return WIDE.test(sign) ? 2 : 1;
}

/** Columns that a line takes on a terminal. */
export function columnsOf(text: string): number {
  return PLAIN.test(text) ? text.length : signsOf(text).reduce((sum, sign) => sum + columnsOfSign(sign), 0);
}
