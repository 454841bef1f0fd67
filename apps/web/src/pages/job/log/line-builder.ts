import { PLAIN, plainOf, type Style, sequenceOf, styleAfter } from "./style.ts";

/** A line that is longer is broken, in UTF-16 units: nobody reads it, and it would be held in memory until its end. */
export const LINE_LIMIT_CHARACTERS = 2_097_152;
/** Titles, links and such are no longer than this; what is never ended is text again. */
const STRING_LIMIT_CHARACTERS = 4_096;
/** Of lines that are longer than this nothing shines through where they are overwritten. */
const OVERWRITTEN_LIMIT_CHARACTERS = 4_096;

/** All that is not simply text. */
const SPECIAL = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
const CONTROL_SEQUENCE = /\x1b\[([0-?]{0,250})([ -/]*)([@-~])/y;
const CONTROL_SEQUENCE_BEGUN = /\x1b\[[0-?]{0,250}[ -/]{0,10}$/y;
const OTHER_SEQUENCE = /\x1b[ -/]*[0-~]/y;
const OTHER_SEQUENCE_BEGUN = /\x1b[ -/]{0,10}$/y;
const STRING_END = /[\n\x07\x18\x1a\x1b\x9c]/g;

/** All that a builder knows between two chunks. */
interface State {
  /** Of the line that is not ended: its text, with a sequence of `sequenceOf` wherever the style changes. */
  line: string;
  /** What stood there before a carriage return, and shows behind the end of `line`. */
  under: string;
  style: Style;
  /** The sequence that was written into `line` last. */
  written: string;
  /** An escape sequence whose end is in the next chunk. */
  rest: string;
  /** Inside of a string (OSC, DCS …), how much of it was skipped; -1 outside. */
  skipped: number;
}

const PLAIN_SEQUENCE = sequenceOf(PLAIN);

/**
 * Makes lines of the text of one stream, as a terminal would show them: colours stay, every other escape sequence goes, carriage returns overwrite the line,
 * and what could hide or turn around text is made visible. Each line stands for itself: it begins with the colours that are in force.
 */
export class LineBuilder {
  #state: State;

  constructor(from?: LineBuilder) {
    this.#state = from ? { ...from.#state } : { line: "", under: "", style: PLAIN, written: PLAIN_SEQUENCE, rest: "", skipped: -1 };
  }

  /** The line that is not ended yet. */
  get open(): string {
    const { line, under } = this.#state;
    return overlay(line, under);
  }

  /** Takes the next piece of the stream's text; each line that it ends goes to `end`. */
  push(chunk: string, end: (line: string) => void): void {
    const state = this.#state;
    const text = state.rest === "" ? chunk : state.rest + chunk;
    state.rest = "";
    for (let at = 0; at < text.length; ) {
      if (state.skipped >= 0) {
        at = this.#skip(text, at);
        continue;
      }
      SPECIAL.lastIndex = at;
      const found = SPECIAL.exec(text)?.index ?? text.length;
      if (found > at) this.#write(text.slice(at, found), end);
      if (found === text.length) return;
      at = this.#special(text, found, end);
    }
  }

  /** Ends the line that is open, if there is one: the stream is over, or begins anew. */
  finish(end: (line: string) => void): void {
    const state = this.#state;
    if (state.line !== "" || state.under !== "") this.#end(end);
    Object.assign(state, { rest: "", skipped: -1, style: PLAIN });
  }

  /** What a character does that is not simply shown. Answers where the text goes on. */
  #special(text: string, at: number, end: (line: string) => void): number {
    const state = this.#state;
    const character = text.charAt(at);
    if (character === "\n") this.#end(end);
    else if (character === "\r") this.#return();
    else if (character === "\x1b") return this.#escape(text, at, end);
    else if (character === "\b") {
      if (!/\x1b\[[\d;]*m$/.test(state.line.slice(-40))) state.line = state.line.slice(0, -1);
    } else if (character > "\x9f") this.#write(`⟨U+${text.charCodeAt(at).toString(16).toUpperCase()}⟩`, end);
    else if (character !== "\x07" && character < "\x80") this.#write(character === "\x7f" ? "␡" : String.fromCharCode(0x2400 + text.charCodeAt(at)), end);
    return at + 1;
  }

  #escape(text: string, at: number, end: (line: string) => void): number {
    const state = this.#state;
    const next = text.charAt(at + 1);
    if (next !== "" && "]PX^_".includes(next)) {
      state.skipped = 0;
      return at + 2;
    }
    const [whole, begun] = next === "[" ? [CONTROL_SEQUENCE, CONTROL_SEQUENCE_BEGUN] : [OTHER_SEQUENCE, OTHER_SEQUENCE_BEGUN];
    whole.lastIndex = at;
    const match = whole.exec(text);
    if (match) {
      if (next === "[") this.#control(match[1] ?? "", match[2] ?? "", match[3] ?? "", end);
      return whole.lastIndex;
    }
    begun.lastIndex = at;
    if (begun.test(text)) {
      state.rest = text.slice(at);
      return text.length;
    }
    return at + 1;
  }

  #control(parameters: string, between: string, final: string, end: (line: string) => void): void {
    const state = this.#state;
    if (between !== "" || !/^[\d;:]*$/.test(parameters)) return;
    if (final === "m") state.style = styleAfter(state.style, parameters);
    else if (final === "G" && (parameters === "" || parameters === "1")) this.#return();
    else if (final === "C") this.#write(" ".repeat(Math.min(Number(parameters) || 1, 200)), end);
    else if (final === "K") {
      if (parameters === "2") Object.assign(state, { line: "", written: PLAIN_SEQUENCE });
      if (parameters !== "1") state.under = "";
    }
  }

  /** Of a string that shows nothing. Where its end never comes it ends with its line, or where it is too long to be one. */
  #skip(text: string, at: number): number {
    const state = this.#state;
    STRING_END.lastIndex = at;
    const found = STRING_END.exec(text)?.index ?? -1;
    const until = found < 0 ? text.length : found;
    if (state.skipped + until - at > STRING_LIMIT_CHARACTERS) {
      const goesOn = at + STRING_LIMIT_CHARACTERS - state.skipped;
      state.skipped = -1;
      return goesOn;
    }
    state.skipped += until - at;
    if (found < 0) return text.length;
    if (text.charAt(found) === "\x1b") {
      if (found + 1 === text.length) {
        state.rest = "\x1b";
        return text.length;
      }
      state.skipped = -1;
      return text.charAt(found + 1) === "\\" ? found + 2 : found;
    }
    state.skipped = -1;
    return text.charAt(found) === "\n" ? found : found + 1;
  }

  #write(text: string, end: (line: string) => void): void {
    const state = this.#state;
    for (let at = 0; at < text.length; ) {
      if (state.line.length >= LINE_LIMIT_CHARACTERS) this.#end(end);
      const sequence = sequenceOf(state.style);
      if (sequence !== state.written) {
        state.line += sequence;
        state.written = sequence;
      }
      const part = text.slice(at, at + Math.max(LINE_LIMIT_CHARACTERS - state.line.length, 1));
      state.line += part;
      at += part.length;
    }
  }

  #return(): void {
    const state = this.#state;
    if (state.line !== "") state.under = overlay(state.line, state.under);
    Object.assign(state, { line: "", written: PLAIN_SEQUENCE });
  }

  #end(end: (line: string) => void): void {
    const state = this.#state;
    end(this.open);
    Object.assign(state, { line: "", under: "", written: PLAIN_SEQUENCE });
  }
}

/** What shows where a line was written over another one. */
function overlay(line: string, under: string): string {
  if (under === "") return line;
  if (line === "") return under;
  if (under.length > OVERWRITTEN_LIMIT_CHARACTERS || line.length > OVERWRITTEN_LIMIT_CHARACTERS) return line;
  const parts = under.split(/(\x1b\[[\d;]*m)/);
  let left = plainOf(line).length;
  let style = PLAIN_SEQUENCE;
  for (const [index, part] of parts.entries()) {
    if (part.startsWith("\x1b[")) style = part;
    else if (part.length <= left) left -= part.length;
    else return `${line}${style}${part.slice(left)}${parts.slice(index + 1).join("")}`;
  }
  return line;
}
