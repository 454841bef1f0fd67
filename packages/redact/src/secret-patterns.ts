/**
 * A secret as it may show in output: a sequence of steps, each a choice of byte sequences. One pattern covers a secret as it is, inside JSON and inside a
 * URL, in any mix, because each character has its own choice; three more cover base64 at the three ways a secret can lie on its groups of three bytes.
 */
export type Pattern = ReadonlyArray<ReadonlyArray<Uint8Array>>;

/** Shorter values would mask half of what is written. */
export const SHORTEST_SECRET = 4;
/** Lines of a secret of several lines are masked one by one too, because output often puts something before each line. */
const SHORTEST_LINE = 8;
/** A piece of base64 that is shorter than this would match by chance. */
const SHORTEST_BASE64 = 5;

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
  '"': '\\"',
  "\\": "\\\\",
  "/": "\\/",
};

/** All patterns for the values of secrets; values under SHORTEST_SECRET characters are left out. */
export function secretPatterns(values: Iterable<string>): Pattern[] {
  const wanted = new Set<string>();
  for (const value of values) {
    if (value.length < SHORTEST_SECRET) continue;
    wanted.add(value);
    for (const line of value.split(/\r?\n/)) if (line.length >= SHORTEST_LINE) wanted.add(line);
    const trimmed = value.trim();
    if (trimmed.length >= SHORTEST_SECRET) wanted.add(trimmed);
  }
  return [...wanted].flatMap((value) => [textPattern(value), ...base64Patterns(value)]);
}

function textPattern(value: string): Pattern {
  return [...value].map((character) => choices(textForms(character)));
}

/** One character as it is, percent-encoded, form-encoded, and escaped in JSON. */
function textForms(character: string): string[] {
  const bytes = Buffer.from(character);
  const percent = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  const units = Array.from({ length: character.length }, (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`).join("");
  const forms = [character, percent, percent.toUpperCase(), units, units.replace(/[a-f]/g, (digit) => digit.toUpperCase())];
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) forms.push(short);
  if (character === " ") forms.push("+");
  // A terminal writes a line feed as two characters.
  if (character === "\n") forms.push("\r\n", "\\r\\n");
  return forms;
}

function base64Patterns(value: string): Pattern[] {
  const bytes = Buffer.from(value);
  const patterns: Pattern[] = [];
  for (let before = 0; before < 3; before += 1) {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replaceAll("=", "");
    // The characters at either end hold bits of what lies around the secret too.
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor(((before + bytes.length) * 8) / 6);
    const certain = text.slice(from, to);
    if (certain.length >= SHORTEST_BASE64) patterns.push([...certain].map((character, index) => choices(base64Forms(character, index > 0))));
  }
  return patterns;
}

/** Both alphabets, as they are and percent-encoded; encoders break lines anywhere. */
function base64Forms(character: string, canFollowBreak: boolean): string[] {
  const forms = [character];
  if (character === "+") forms.push("-", "%2B", "%2b");
  if (character === "/") forms.push("_", "%2F", "%2f", "\\/");
  return canFollowBreak ? forms.flatMap((form) => [form, `\n${form}`, `\r\n${form}`, `\\n${form}`]) : forms;
}

function choices(forms: readonly string[]): Uint8Array[] {
  return [...new Set(forms)].map((form) => Buffer.from(form));
}
