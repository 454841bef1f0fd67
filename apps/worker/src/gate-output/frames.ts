/** A line of a stack. */
export interface Frame {
  readonly file: string;
  readonly line: number;
  /** The line as it is shown. */
  readonly text: string;
  /** In the repository, as far as its path tells: not in a library, not in the runtime. */
  readonly isOurs: boolean;
}

/** `at f (file:1:2)`, `at file:1:2`, vitest's `❯ f file:1:2`. */
const SCRIPT_FRAME = /^\s*(?:at |❯ )/;
const SCRIPT_PLACE = /^((?:file:\/\/|node:)?[^\s():]{1,400}):(\d{1,9}):\d{1,9}$/;
const PYTHON_FRAME = /^\s*File "([^"]{1,400})", line (\d{1,9})/;
/** Of a goroutine, and of Rust's backtrace. */
const NATIVE_FRAME = /^\s+(?:at )?((?:\/|\.\/)[^\s:]{1,400}\.(?:go|rs)):(\d{1,9})(?::\d{1,9})?(?: \+0x[0-9a-f]+)?$/;
const FOREIGN =
  /(?:^|\/)node_modules\/|^node:|^internal\/|(?:^|\/)site-packages\/|\/lib\/python\d|^\/usr\/|^\/rustc\/|\/go\/(?:src|pkg\/mod)\/|\/\.cargo\/|\/toolchains?\/|^<|\.pnp\.cjs$/;

/** The frame that a line tells of. */
export function frameOf(line: string): Frame | undefined {
  const match = scriptPlace(line) ?? PYTHON_FRAME.exec(line) ?? NATIVE_FRAME.exec(line);
  if (!match?.[1]) return undefined;
  const file = match[1].replace(/^file:\/\//, "").replace(/^\.\//, "");
  return { file, line: Number(match[2]), text: line.trim().replace(/ \{$/, ""), isOurs: !FOREIGN.test(file) };
}

/** The last word of a line, looked at from its end: a pattern for the whole line would take its time on a hostile one. */
function scriptPlace(line: string): RegExpExecArray | null {
  if (!SCRIPT_FRAME.test(line)) return null;
  const words = line.trimEnd().replace(/ \{$/, "").replace(/\)$/, "");
  return SCRIPT_PLACE.exec(words.slice(Math.max(words.lastIndexOf("("), words.lastIndexOf(" ")) + 1));
}

/** `FILE:LINE` or `FILE:LINE:COLUMN` in two. */
export function placeOf(text: string): { file: string; line: number } | undefined {
  const match = /^(?:file:\/\/)?(.{1,400}?):(\d{1,9})(?::\d{1,9})?$/.exec(text.trim());
  return match?.[1] ? { file: match[1], line: Number(match[2]) } : undefined;
}
