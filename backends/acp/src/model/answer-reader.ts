import { LineSplitter } from "@slipway/backend-sdk/line-splitter";
import type { Usage } from "@slipway/protocol/events";
import { type CallFailure, failureInStream } from "./call-failure.ts";

/** A longer line, or a longer answer that is no stream, is passed on and not looked at. */
const LIMIT_BYTES = 16 * 1_048_576;

type Tokens = Omit<Usage, "costUsd">;
type Json = Readonly<Record<string, unknown>>;

/** Looks at an answer of a model on its way: the usage that it tells, and an error inside of it. Reads the forms of OpenAI, Anthropic and Gemini. */
export class AnswerReader {
  readonly #isStream: boolean;
  readonly #lines: LineSplitter;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  /** Undefined where the answer tells none. */
  usage: Tokens | undefined;
  failure: CallFailure | undefined;

  constructor(contentType: string) {
    this.#isStream = contentType.startsWith("text/event-stream");
    this.#lines = new LineSplitter(
      LIMIT_BYTES,
      (line) => this.#line(line),
      () => undefined,
    );
  }

  push(chunk: Buffer): void {
    if (this.#isStream) {
      this.#lines.push(chunk);
      return;
    }
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes <= LIMIT_BYTES) this.#body.push(chunk);
    else this.#body = [];
  }

  end(): void {
    if (this.#isStream) this.#lines.end();
    else this.#read(Buffer.concat(this.#body).toString());
    this.#body = [];
  }

  #line(line: string): void {
    // Most lines are pieces of text, which tell nothing here.
    if (line.startsWith("data:") && /"(usage|usageMetadata|error)"/.test(line)) this.#read(line.slice("data:".length));
  }

  #read(text: string): void {
    try {
      this.#take(JSON.parse(text));
    } catch {
      // The agent gets it as it is, and says what it thinks of it.
    }
  }

  #take(value: unknown): void {
    if (!isObject(value)) return;
    const inner = [value["response"], value["message"]].find(isObject) ?? value;
    const told = tokensOf(value) ?? tokensOf(inner);
    if (told) this.usage = largest(this.usage, told);
    const error = value["error"] ?? inner["error"];
    if (isObject(error) || (typeof error === "string" && error !== "")) this.failure ??= failureInStream(error);
  }
}

/** Figures in a stream are totals so far: the largest are those of the whole answer. */
function largest(before: Tokens | undefined, told: Tokens): Tokens {
  if (!before) return told;
  const names = ["inputTokens", "cachedInputTokens", "outputTokens", "reasoningTokens"] as const;
  return Object.fromEntries(names.map((name) => [name, Math.max(before[name], told[name])])) as Tokens;
}

function tokensOf(value: Json): Tokens | undefined {
  const { usage, usageMetadata } = value;
  if (isObject(usageMetadata)) return geminiTokens(usageMetadata);
  if (!isObject(usage)) return undefined;
  const ofInput = [usage["prompt_tokens_details"], usage["input_tokens_details"]].find(isObject) ?? {};
  const ofOutput = [usage["completion_tokens_details"], usage["output_tokens_details"]].find(isObject) ?? {};
  // Anthropic counts what it had cached, and what it cached, beside the input.
  const beside = count(usage["cache_read_input_tokens"]);
  return {
    inputTokens: count(usage["prompt_tokens"] ?? usage["input_tokens"]) + beside + count(usage["cache_creation_input_tokens"]),
    cachedInputTokens: count(ofInput["cached_tokens"]) + beside,
    outputTokens: count(usage["completion_tokens"] ?? usage["output_tokens"]),
    reasoningTokens: count(ofOutput["reasoning_tokens"]),
  };
}

/** Gemini counts its thoughts beside the answer. https://ai.google.dev/api/generate-content#UsageMetadata */
function geminiTokens(usage: Json): Tokens {
  const thoughts = count(usage["thoughtsTokenCount"]);
  return {
    inputTokens: count(usage["promptTokenCount"]) + count(usage["toolUsePromptTokenCount"]),
    cachedInputTokens: count(usage["cachedContentTokenCount"]),
    outputTokens: count(usage["candidatesTokenCount"]) + thoughts,
    reasoningTokens: thoughts,
  };
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function count(value: unknown): number {
  return typeof value === "number" && value > 0 && value < Number.MAX_SAFE_INTEGER ? Math.round(value) : 0;
}
