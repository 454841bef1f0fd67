import type { JobEvent } from "@slipway/protocol/events";
import { ChunkText, type LogData } from "./chunk-text.ts";
import { LineBuilder } from "./line-builder.ts";
import { NumberList } from "./number-list.ts";

/** What of a log is held, in UTF-16 units: 64 MiB of memory where it is not plain ASCII, and half of that where it is. The oldest lines give way. */
export const KEPT_CHARACTERS = 33_554_432;
/** And in lines: a browser shows nothing below some 33 million device pixels. */
const KEPT_LINES = 500_000;
/** After so many UTF-16 units it is remembered where the log could be read anew from. */
const PART_CHARACTERS = 4_194_304;
const BLOCK_LINES = 1_000;
const BLOCK_CHARACTERS = 65_536;

/** `text`: a line of a stream. `mark`: what happened between the lines. `gap`: something is missing. */
type LineKind = "text" | "mark" | "gap";

/** A line to show. */
export interface LogLine {
  readonly kind: LineKind;
  /** With its colours, as `LineBuilder` leaves them. */
  readonly text: string;
  /** Empty for what belongs to no stream. */
  readonly stream: string;
  /** From 1: in its own stream, or among all lines where all are shown. */
  readonly number: number;
}

/** Lines that do not change any more, as one text: an object for each would take more than the lines themselves. */
interface Block {
  readonly first: number;
  readonly text: string;
  /** Where each line ends in `text`. */
  readonly ends: Uint32Array;
  /** Of each line its stream, by its place in the list; `MARK` and `GAP` for what is none. */
  readonly streams: Uint16Array;
  /** Of each line its number in its stream. */
  readonly numbers: Uint32Array;
}

const MARK = 65_535;
const GAP = 65_534;

interface Stream {
  readonly name: string;
  readonly text: ChunkText;
  readonly builder: LineBuilder;
  /** Bytes of the stream that came so far. */
  readonly offset: number;
  /** Lines that ended so far. */
  readonly lines: number;
  /** Numbers among all lines of those that show with this stream. */
  readonly rows: NumberList;
}
type OpenStream = { -readonly [K in keyof Stream]: Stream[K] };

/** Where a log can be read anew: behind the event `after`, beginning with what was known there. */
export interface LogPart {
  readonly after: number;
  readonly firstLine: number;
  readonly seed: LogStore;
}

/**
 * The lines of a job's log, of all streams in the order in which they came. Holds a bounded part of it, and of what it let go remembers where to read it anew.
 */
export class LogStore {
  readonly #streams: OpenStream[];
  readonly #blocks: Block[] = [];
  readonly #parts: LogPart[] = [];
  readonly #limits: { readonly characters: number; readonly lines: number };
  #fresh: { texts: string[]; streams: number[]; numbers: number[]; characters: number } = empty();
  #firstLine: number;
  #lines: number;
  #characters = 0;
  #sincePart = 0;
  #fence: number | null;
  #lastSeq: number;
  #version = 0;

  /** `from`: begins where that one stands, with none of its lines. */
  constructor(limits: { readonly characters: number; readonly lines: number } = { characters: KEPT_CHARACTERS, lines: KEPT_LINES }, from?: LogStore) {
    this.#limits = limits;
    this.#lines = from?.lines ?? 0;
    this.#firstLine = this.#lines;
    this.#fence = from?.fence ?? null;
    this.#lastSeq = from?.lastSeq ?? 0;
    this.#streams = (from?.streams ?? []).map((stream) => ({
      ...stream,
      text: new ChunkText(),
      builder: new LineBuilder(stream.builder),
      rows: new NumberList(stream.rows.end),
    }));
  }

  get fence(): number | null {
    return this.#fence;
  }
  get lastSeq(): number {
    return this.#lastSeq;
  }
  get streams(): readonly Stream[] {
    return this.#streams;
  }
  /** Lines that ended so far, those that gave way included. */
  get lines(): number {
    return this.#lines;
  }
  /** Lines that gave way. */
  get firstLine(): number {
    return this.#firstLine;
  }
  /** What is held, in UTF-16 units. */
  get characters(): number {
    return this.#characters;
  }
  /** Counts up with each change. */
  get version(): number {
    return this.#version;
  }
  /** Where parts of it begin, oldest first. */
  get parts(): readonly LogPart[] {
    return this.#parts;
  }

  /** Takes an event of the job; those that say nothing to a reader of the log are passed over. */
  take(event: JobEvent): void {
    if (this.#parts.length === 0) this.#remember(event.seq - 1);
    if (event.fence !== null && event.fence !== this.#fence && (event.kind === "log" || event.kind === "phase")) {
      this.#finishAll();
      this.#fence = event.fence;
      this.#mark(MARK, `Attempt ${event.fence}`, null);
    }
    if (event.kind === "log") this.#log(event.data);
    else if (event.kind === "turn" && event.data.status === "started") this.#mark(MARK, `Turn ${event.data.turn}`, ["stdout", "stderr"]);
    else if (event.kind === "gate" && event.data.status === "started")
      this.#mark(MARK, `Gate ${event.data.name}, ${roundText(event.data.round)}`, [`gate:${event.data.name}`]);
    else if (event.kind === "phase" && event.data.status === "started" && event.data.phase === "setup") this.#mark(MARK, "Setup", ["setup"]);
    else if (event.kind === "phase" && event.data.status === "started" && event.data.phase === "baseline") this.#mark(MARK, "Red gates, on the base", []);
    else if (event.kind === "gap") this.#mark(GAP, gapText(event.data), event.data.stream === undefined ? null : [event.data.stream]);
    this.#lastSeq = event.seq;
    if (this.#sincePart >= PART_CHARACTERS) this.#remember(event.seq);
  }

  /** Events before the first that came are not kept any more. */
  missing(fromSeq: number, nextSeq: number): void {
    this.#mark(GAP, `${nextSeq - fromSeq} events are no longer kept: they were older than the server keeps the events of jobs that are over.`, null);
  }

  /** Lines of a text that is no stream, such as an artifact's. */
  takeText(name: string, text: string): void {
    this.#log({ stream: name, offset: 0, text, encoding: "utf8" });
    this.#finishAll();
  }

  /** The place of a stream in the list; undefined where nothing came of it. */
  placeOf(stream: string): number | undefined {
    const at = this.#streams.findIndex(({ name }) => name === stream);
    return at < 0 ? undefined : at;
  }

  /** The line with this number among all, from `firstLine` on. */
  line(index: number): LogLine {
    const block = this.#blockOf(index);
    if (!block) {
      const at = index - (this.#lines - this.#fresh.texts.length);
      return this.#shown(this.#fresh.texts[at] ?? "", this.#fresh.streams[at] ?? MARK, this.#fresh.numbers[at] ?? 0);
    }
    const at = index - block.first;
    const begin = at === 0 ? 0 : (block.ends[at - 1] ?? 0);
    return this.#shown(block.text.slice(begin, block.ends[at]), block.streams[at] ?? MARK, block.numbers[at] ?? 0);
  }

  #shown(text: string, stream: number, number: number): LogLine {
    const kind = stream === MARK ? "mark" : stream === GAP ? "gap" : "text";
    return { kind, text, stream: this.#streams[stream]?.name ?? "", number };
  }

  #blockOf(index: number): Block | undefined {
    let [low, high] = [0, this.#blocks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const { first = 0, ends } = this.#blocks[middle] ?? {};
      if (index < first) high = middle;
      else if (index >= first + (ends?.length ?? 0)) low = middle + 1;
      else return this.#blocks[middle];
    }
    return undefined;
  }

  #log(data: LogData): void {
    const place = this.placeOf(data.stream) ?? this.#begin(data.stream);
    const stream = this.#streams[place];
    if (!stream) return;
    // A stream that begins anew, with another turn or command, does not go on with the line that was left open.
    if (data.offset !== stream.offset) this.#finish(place, stream);
    stream.offset = data.offset + bytesOf(data);
    stream.builder.push(stream.text.textOf(data), (line) => this.#add(line, place));
    this.#version += 1;
  }

  #begin(name: string): number {
    // More names than fit are told under the last one's.
    if (this.#streams.length >= GAP) return this.#streams.length - 1;
    this.#streams.push({ name, text: new ChunkText(), builder: new LineBuilder(), offset: 0, lines: 0, rows: new NumberList(0) });
    return this.#streams.length - 1;
  }

  #finish(place: number, stream: OpenStream): void {
    const end = (line: string): void => this.#add(line, place);
    const left = stream.text.finish();
    if (left !== "") stream.builder.push(left, end);
    stream.builder.finish(end);
    stream.offset = 0;
  }

  #finishAll(): void {
    for (const [place, stream] of this.#streams.entries()) this.#finish(place, stream);
  }

  #add(line: string, place: number): void {
    const stream = this.#streams[place];
    if (!stream) return;
    stream.lines += 1;
    stream.rows.push(this.#lines);
    this.#append(line, place, stream.lines);
  }

  /** `of`: the streams that it shows in; null: in all that there are. */
  #mark(kind: typeof MARK | typeof GAP, text: string, of: readonly string[] | null): void {
    for (const name of of ?? []) if (this.placeOf(name) === undefined && kind === MARK && name.startsWith("gate:")) this.#begin(name);
    for (const stream of this.#streams) if (of === null || of.includes(stream.name)) stream.rows.push(this.#lines);
    this.#append(text, kind, 0);
    this.#version += 1;
  }

  #append(text: string, stream: number, number: number): void {
    this.#fresh.texts.push(text);
    this.#fresh.streams.push(stream);
    this.#fresh.numbers.push(number);
    this.#fresh.characters += text.length;
    this.#lines += 1;
    this.#characters += text.length;
    this.#sincePart += text.length;
    if (this.#fresh.texts.length >= BLOCK_LINES || this.#fresh.characters >= BLOCK_CHARACTERS) this.#seal();
  }

  #seal(): void {
    const { texts, streams, numbers } = this.#fresh;
    let end = 0;
    const ends = Uint32Array.from(texts, (text) => (end += text.length));
    this.#blocks.push({
      first: this.#lines - texts.length,
      text: texts.join(""),
      ends,
      streams: Uint16Array.from(streams),
      numbers: Uint32Array.from(numbers),
    });
    this.#fresh = empty();
    while (this.#blocks.length > 1 && (this.#characters > this.#limits.characters || this.#lines - this.#firstLine > this.#limits.lines)) this.#letGo();
  }

  #letGo(): void {
    const block = this.#blocks.shift();
    if (!block) return;
    this.#characters -= block.text.length;
    this.#firstLine = block.first + block.ends.length;
    for (const { rows } of this.#streams) rows.dropBelow(this.#firstLine);
  }

  /** Only between characters of all streams; where it is in the middle of one, the next event will do. */
  #remember(after: number): void {
    if (this.#streams.some(({ text }) => !text.isBetweenCharacters)) return;
    this.#sincePart = 0;
    this.#parts.push({ after, firstLine: this.#lines, seed: new LogStore(this.#limits, this) });
  }
}

function empty() {
  return { texts: [] as string[], streams: [] as number[], numbers: [] as number[], characters: 0 };
}

function bytesOf({ text, encoding }: LogData): number {
  if (encoding === "base64") return Math.floor((text.replace(/=+$/, "").length * 3) / 4);
  return ENCODER.encode(text).length;
}
const ENCODER = new TextEncoder();

function roundText(round: number): string {
  return round === 0 ? "first run" : `after repair ${round}`;
}

const GAP_REASONS = {
  "job-log-limit": "the job's log had reached its limit",
  "worker-spool-limit": "the worker could not hold more while the server was away",
  expired: "they are older than the server keeps them",
} as const;

function gapText({ reason, droppedEvents, droppedBytes }: Extract<JobEvent, { kind: "gap" }>["data"]): string {
  const what = droppedEvents === 0 && droppedBytes === 0 ? "From here on output is missing" : `${droppedEvents} events with ${droppedBytes} bytes are missing`;
  return `${what}: ${GAP_REASONS[reason]}.`;
}
