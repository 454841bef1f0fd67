/** Lines of each side that are shown, and characters of each line around its first difference. */
const LINES_SHOWN = 6;
const WIDTH = 160;
const BEFORE = 40;

/** What differs between two lists of lines, without what they begin and end with alike: `-` what was expected, `+` what came. Empty where nothing differs. */
export function shortDiff(expected: readonly string[], got: readonly string[]): string[] {
  const shortest = Math.min(expected.length, got.length);
  let start = 0;
  while (start < shortest && expected[start] === got[start]) start += 1;
  let end = 0;
  while (end < shortest - start && expected[expected.length - 1 - end] === got[got.length - 1 - end]) end += 1;
  const [gone, came] = [expected.slice(start, expected.length - end), got.slice(start, got.length - end)];
  return [...side("-", gone, came), ...side("+", came, gone)];
}

function side(sign: string, lines: readonly string[], others: readonly string[]): string[] {
  const shown = lines.slice(0, LINES_SHOWN).map((line, index) => `${sign} ${around(line, others[index] ?? "")}`);
  return lines.length > LINES_SHOWN ? [...shown, `${sign} … ${lines.length - LINES_SHOWN} more`] : shown;
}

/** The part of a long line in which it differs from the other; its path stays in front. */
function around(line: string, other: string): string {
  if (line.length <= WIDTH) return line;
  let at = 0;
  while (at < line.length && line[at] === other[at]) at += 1;
  const path = /^[^ ]{1,80}: /.exec(line)?.[0] ?? "";
  const from = Math.max(path.length, at - BEFORE);
  const part = line.slice(from, from + WIDTH);
  return `${path}${from > path.length ? "…" : ""}${part}${from + WIDTH < line.length ? "…" : ""}`;
}
