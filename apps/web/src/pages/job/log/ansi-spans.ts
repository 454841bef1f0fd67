import Anser from "anser";

/** A piece of a line in one style, as data: whoever shows it puts `text` into the page as text. */
export interface AnsiSpan {
  readonly text: string;
  /** `rgb(…)`; undefined for the log's own. */
  readonly color: string | undefined;
  readonly background: string | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  /** `underline`, `line-through`, both, or nothing. */
  readonly line: string;
}

type Rgb = readonly [red: number, green: number, blue: number];

/** Of the log's own surface and text, as base colours of its style sheet. */
const SURFACE: Rgb = [17, 22, 26];
const TEXT: Rgb = [222, 228, 233];
/** A little more than the 4.5 that is asked for, as colours are rounded. */
const LEAST_CONTRAST = 4.6;

/** The pieces of a line. Colours that could not be read on what is behind them are made lighter or darker until they can. */
export function spansOf(line: string): AnsiSpan[] {
  if (!line.includes("\x1b")) return line === "" ? [] : [plain(line)];
  return new Anser().process(line, { json: true, remove_empty: true }, true).map(({ content, fg, bg, decorations }): AnsiSpan => {
    const has = (name: (typeof decorations)[number]): boolean => decorations.includes(name);
    const own = { color: rgbOf(fg), background: rgbOf(bg) };
    const { color, background } = has("reverse") ? { color: own.background ?? SURFACE, background: own.color ?? TEXT } : own;
    const shown = color === undefined && background === undefined ? undefined : readable(color ?? TEXT, background ?? SURFACE);
    return {
      text: content,
      color: shown && text(shown),
      background: background && text(background),
      bold: has("bold"),
      dim: has("dim") && color === undefined,
      italic: has("italic"),
      // What a program hides is told all the same: nobody should have to guess what was there.
      line: [has("underline") || has("hidden") ? "underline" : "", has("strikethrough") ? "line-through" : ""].filter(Boolean).join(" "),
    };
  });
}

function plain(line: string): AnsiSpan {
  return { text: line, color: undefined, background: undefined, bold: false, dim: false, italic: false, line: "" };
}

/** As Anser tells a colour: `187, 0, 0`. */
function rgbOf(value: string | null): Rgb | undefined {
  const [red, green, blue] = (value ?? "").split(",").map((part) => Number.parseInt(part, 10));
  return red === undefined || green === undefined || blue === undefined || Number.isNaN(red + green + blue) ? undefined : [red, green, blue];
}

function text([red, green, blue]: Rgb): string {
  return `rgb(${Math.round(red)} ${Math.round(green)} ${Math.round(blue)})`;
}

/** The colour, or the nearest one on its way to black or white that can be read on `behind` (WCAG 2.2, 1.4.3). */
export function readable(color: Rgb, behind: Rgb): Rgb {
  const end: Rgb = luminance(behind) > 0.18 ? [0, 0, 0] : [255, 255, 255];
  for (let share = 0; share < 1; share += 0.1) {
    const mixed = color.map((part, at) => part + ((end[at] ?? 0) - part) * share) as unknown as Rgb;
    if (contrast(mixed, behind) >= LEAST_CONTRAST) return mixed;
  }
  return end;
}

/** Of two colours, from 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

function luminance([red, green, blue]: Rgb): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function linear(part: number): number {
  const share = part / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}
