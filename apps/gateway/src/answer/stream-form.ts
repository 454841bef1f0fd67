import type { AnswerFacts } from "./usage.ts";

/** What one event of a stream tells; what is missing is not told by it. */
export interface EventFacts extends Partial<AnswerFacts> {
  /** The event that ends a whole answer. */
  readonly complete?: boolean;
}

/** What a protocol's event streams look like, as far as the gateway looks at them. */
export interface StreamForm {
  /** The key, in quotation marks, of the object that has the usage. */
  readonly usageKey: string;
  /** Texts that stand in events which end an answer; the lines that have them are read. */
  readonly endings: readonly string[];
  /** A text that ends the stream and is no JSON. */
  readonly endMark?: string;
  /** Texts that show that the model has begun to answer. */
  readonly outputSigns: readonly string[];
  /** Whether a stream that ends without its last event was broken off. */
  readonly mustComplete: boolean;
  /** What an event tells; null where it tells nothing. */
  read(event: Readonly<Record<string, unknown>>): EventFacts | null;
}
