import { LineSplitter } from "@slipway/backend-sdk/line-splitter";
import { cutText } from "@slipway/backend-sdk/text-limit";
import type { Usage } from "@slipway/protocol/events";
import { type Block, type ClaudeEvent, type ClaudeResult, type ClaudeRetry, type ClaudeUsage, parseClaudeEvent } from "./claude-events.ts";
import { CLAIM_REQUEST, SERVERS_REQUEST } from "./claude-process.ts";
import { type Output, ToolMapper } from "./tool-mapper.ts";

/** A file that was written stands whole in a line, twice even; escapes make it longer. */
const LINE_LIMIT_BYTES = 32 * 1024 * 1024;

export interface TurnReaderOptions extends Output {
  readonly workspace: string;
  onSession(sessionId: string): void;
  /** Something came. `pauseMs` is how long nothing more is to be expected; null while tools are at work, which may take as long as they like. */
  onLife(pauseMs: number | null): void;
  /** A message of ours was heard. */
  onHeard(): void;
  /** Whether a result is not the turn's end: Claude Code goes on by itself with what it has not heard yet. */
  goesOn(): boolean;
  onResult(result: ClaudeResult): void;
  /** The MCP servers have been started; `failed` says why some were not, by their names. */
  onServers(failed: Readonly<Record<string, string>>): void;
  /** A process that was started ahead is the turn's; `refused` says why it is not. */
  onClaim(refused: string | undefined): void;
}

/** Reads what Claude Code prints in one turn: tells its events, and keeps what the turn's end is judged by. */
export class TurnReader {
  readonly #options: TurnReaderOptions;
  readonly #tools: ToolMapper;
  readonly #lines: LineSplitter;
  readonly #unknown = new Set<string>();
  result: ClaudeResult | undefined;
  sessionId: string | undefined;
  /** Whether something came that is no event. */
  isGarbled = false;

  constructor(options: TurnReaderOptions) {
    this.#options = options;
    this.#tools = new ToolMapper(options.workspace, options);
    const onTooLong = (): void => this.#warn(`Claude Code printed a line of more than ${LINE_LIMIT_BYTES} bytes, which is left out.`);
    this.#lines = new LineSplitter(LINE_LIMIT_BYTES, (line) => this.#line(line), onTooLong);
  }

  push(chunk: Buffer): void {
    this.#lines.push(chunk);
  }

  end(): void {
    this.#lines.end();
  }

  #line(line: string): void {
    // What comes after the end is of no turn.
    if (this.result) return;
    const event = parseClaudeEvent(line);
    if (event) {
      this.#take(event);
      return;
    }
    this.#options.log("stdout", Buffer.from(`${line}\n`));
    if (!this.isGarbled) this.#warn("Claude Code printed something that is no event; it is in the log.");
    this.isGarbled = true;
  }

  #take(event: ClaudeEvent): void {
    let pauseMs = 0;
    switch (event.kind) {
      case "init":
        this.sessionId = event.sessionId;
        this.#options.onSession(event.sessionId);
        break;
      case "assistant":
        for (const block of event.blocks) this.#said(block, event.isOfSubagent);
        break;
      case "results":
        for (const block of event.blocks) this.#tools.result(block, event.blocks.length === 1 ? event.result : undefined);
        break;
      case "heard":
        this.#options.onHeard();
        break;
      case "retry":
        pauseMs = event.retry.retry_delay_ms;
        this.#warn(retryText(event.retry));
        break;
      case "answer":
        if (event.requestId === SERVERS_REQUEST) this.#options.onServers(event.failed);
        else if (event.requestId === CLAIM_REQUEST) this.#options.onClaim(event.failed[""]);
        break;
      case "result":
        if (this.#finish(event.result)) return;
        break;
      case "unknown":
        if (!this.#unknown.has(event.name)) this.#warn(`Claude Code told of something that this backend does not know: ${event.name}.`);
        this.#unknown.add(event.name);
        break;
      case "sign-of-life":
    }
    // Before a turn has begun the program itself may need a while.
    if (this.sessionId !== undefined) this.#options.onLife(this.#tools.isBusy ? null : pauseMs);
  }

  #said(block: Block, isOfSubagent: boolean): void {
    const { emit } = this.#options;
    if (block.type === "tool_use") this.#tools.call(block);
    // What a subagent says is in the result of the tool that it is.
    else if (isOfSubagent) return;
    else if (block.type === "text" && block.text) emit({ kind: "message", data: { role: "agent", text: cutText(block.text) } });
    else if (block.type === "thinking" && block.thinking) emit({ kind: "message", data: { role: "reasoning", text: cutText(block.thinking) } });
  }

  /** Whether the turn is over. */
  #finish(result: ClaudeResult): boolean {
    const { usage, permission_denials: denials } = result;
    if (usage && usage.output_tokens > 0) this.#options.emit({ kind: "usage", data: usageOf(usage) });
    if (denials.length > 0) {
      const tools = [...new Set(denials.map(({ tool_name }) => tool_name ?? "a tool"))].join(", ");
      this.#warn(`Claude Code itself refused ${denials.length} calls of tools: ${tools}.`);
    }
    if (result.subtype === "success" && !result.is_error && this.#options.goesOn()) return false;
    this.result = result;
    this.#options.onResult(result);
    return true;
  }

  #warn(text: string): void {
    this.#options.emit({ kind: "notice", data: { level: "warning", text: text.slice(0, 20_000) } });
  }
}

/** Claude Code's own figures for this turn; what they cost, the gateway counts. */
export function usageOf(usage: ClaudeUsage): Usage {
  return {
    inputTokens: usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens,
    cachedInputTokens: usage.cache_read_input_tokens,
    outputTokens: usage.output_tokens,
    reasoningTokens: usage.output_tokens_details?.thinking_tokens ?? 0,
    costUsd: 0,
  };
}

function retryText({ attempt, max_retries, retry_delay_ms, error_status, error }: ClaudeRetry): string {
  const why = [error_status ?? "", error ?? ""].filter((part) => part !== "").join(" ");
  return `The model's answer failed (${why}); Claude Code asks again in ${Math.round(retry_delay_ms)} ms (${attempt} of ${max_retries}).`;
}
