/** Colours and decorations that a program has set by SGR sequences (ECMA-48, 8.3.117), each in the codes that bring it about. */
export interface Style {
  readonly fg: string;
  readonly bg: string;
  readonly decorations: readonly number[];
}

export const PLAIN: Style = { fg: "", bg: "", decorations: [] };

/** Codes that end decorations, and which. */
const ENDS: Readonly<Record<number, readonly number[]>> = { 21: [1], 22: [1, 2], 23: [3], 24: [4], 25: [5], 27: [7], 28: [8], 29: [9] };

/** The style after a sequence with these parameters. What nobody knows changes nothing. */
export function styleAfter(style: Style, parameters: string): Style {
  const codes = parameters.replaceAll("::", ":").split(/[;:]/).map(Number);
  let { fg, bg, decorations } = style;
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) [fg, bg, decorations] = ["", "", []];
    else if (code === 38 || code === 48) {
      const length = codes[at + 1] === 5 ? 3 : codes[at + 1] === 2 ? 5 : 1;
      const colour = codes.slice(at, at + length);
      at += length - 1;
      if (length === 1 || colour.length < length || colour.some((part) => !(part >= 0 && part <= 255))) continue;
      if (code === 38) fg = colour.join(";");
      else bg = colour.join(";");
    } else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) fg = String(code);
    else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) bg = String(code);
    else if (code === 39) fg = "";
    else if (code === 49) bg = "";
    else if (code >= 1 && code <= 9) decorations = decorations.includes(code) ? decorations : [...decorations, code].toSorted();
    else if (ENDS[code]) decorations = decorations.filter((one) => !ENDS[code]?.includes(one));
  }
  return { fg, bg, decorations };
}

/** The one sequence that sets exactly this style, whatever was set before. */
export function sequenceOf({ fg, bg, decorations }: Style): string {
  return `\x1b[${["0", ...decorations, fg, bg].filter((part) => part !== "").join(";")}m`;
}

/** A line as it is stored, without its colours. */
export function plainOf(line: string): string {
  return line.includes("\x1b") ? line.replace(/\x1b\[[\d;]*m/g, "") : line;
}
