import type { Answer, ScriptedError, UsageFigures } from "./scenario.ts";

/** A tool that the client offers the model, whatever protocol it was offered in. */
export interface ModelTool {
  readonly name: string;
  readonly namespace?: string;
  /** Takes text of any form in place of JSON. */
  readonly isFreeform: boolean;
  readonly properties: Readonly<Record<string, { readonly type?: unknown }>>;
  readonly required: readonly string[];
}

/** What a request says, whatever protocol it came in. */
export interface ModelRequest {
  readonly model: string;
  readonly isStream: boolean;
  /** Whether the stream is to tell usage; some protocols tell it only where they are asked. */
  readonly wantsUsage: boolean;
  readonly tools: readonly ModelTool[];
  /** The last text of the user. */
  readonly prompt: string;
  /** All text that the model is shown. */
  readonly text: string;
  /** How many answers of the model stand after the last text of the user: 0 in the first request of a turn. */
  readonly step: number;
  /** Results of tools after the last text of the user. */
  readonly toolResults: readonly string[];
  /** Where the request wants JSON of a form that it says: a value of that form, which is the answer's text then. */
  readonly wantedJson?: unknown;
}

export type AnswerItem =
  | { readonly kind: "reasoning"; readonly text: string }
  | { readonly kind: "text"; readonly pieces: readonly string[] }
  | { readonly kind: "call"; readonly callId: string; readonly tool: ModelTool; readonly input: Readonly<Record<string, unknown>> | string };

/** An answer made ready for one request. */
export interface ReadyAnswer {
  readonly items: readonly AnswerItem[];
  readonly usage: UsageFigures | null;
}

/** One message of an event stream; `data` goes as JSON where it is no text. */
export interface Frame {
  readonly event?: string;
  readonly data: unknown;
}

/** What an error means, where each vendor says it with a status and words of its own. */
export type ErrorMeaning = NonNullable<ScriptedError["meaning"]>;

/** One vendor's protocol. To add one, write a file with this and name it in `protocols.ts`. */
export interface ModelProtocol {
  readonly name: string;
  /** Whether a POST to this path is a request to the model. */
  takes(path: string): boolean;
  read(body: unknown, path: string): ModelRequest;
  whole(request: ModelRequest, answer: ReadyAnswer): unknown;
  frames(request: ModelRequest, answer: ReadyAnswer): Iterable<Frame>;
  error(error: ScriptedError): unknown;
  /** The error as it comes inside a stream. */
  errorFrames(request: ModelRequest, error: ScriptedError): Iterable<Frame>;
  /** How the vendor says what an error means. */
  readonly meanings: Readonly<Record<ErrorMeaning, Omit<ScriptedError, "inStream">>>;
  /** The answer to a POST that is no request to the model, such as one that counts tokens; undefined where it is none of these. */
  side?(path: string, body: unknown): unknown;
}

/** The answer's items in the order in which a model sends them. */
export function readyAnswer(request: ModelRequest, answer: Answer, calls: ReadonlyArray<Extract<AnswerItem, { kind: "call" }>>): ReadyAnswer {
  if (request.wantedJson !== undefined) return { items: [{ kind: "text", pieces: [JSON.stringify(request.wantedJson)] }], usage: answer.usage };
  const items: AnswerItem[] = [];
  if (answer.reasoning !== undefined) items.push({ kind: "reasoning", text: answer.reasoning });
  if (answer.text !== undefined) items.push({ kind: "text", pieces: [answer.text] });
  if (answer.flood) items.push({ kind: "text", pieces: floodPieces(answer.flood.bytes, answer.flood.deltas) });
  return { items: [...items, ...calls], usage: answer.usage };
}

function floodPieces(bytes: number, deltas: number): string[] {
  const sizes = Array.from({ length: deltas }, (_, index) => Math.floor(((index + 1) * bytes) / deltas) - Math.floor((index * bytes) / deltas));
  return sizes.map((size) => "flood ".repeat(Math.ceil(size / 6)).slice(0, size));
}
