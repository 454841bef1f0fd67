import { z } from "zod";
import { sessionIdSchema } from "./session.ts";

/** Lines of `claude -p --output-format stream-json`, as release 2.1.329 prints them. More fields than these do no harm. */

const tokens = z.number().nonnegative().catch(0).default(0);
const usageSchema = z.object({
  input_tokens: tokens,
  cache_creation_input_tokens: tokens,
  cache_read_input_tokens: tokens,
  output_tokens: tokens,
  output_tokens_details: z.object({ thinking_tokens: tokens }).nullish().catch(undefined),
});
export type ClaudeUsage = z.output<typeof usageSchema>;

const blockSchema = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  thinking: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  input: z.unknown().optional(),
  tool_use_id: z.string().optional(),
  content: z.unknown().optional(),
  is_error: z.boolean().nullish(),
});
export type Block = z.output<typeof blockSchema>;

const messageSchema = z.object({ message: z.object({ content: z.union([z.string(), z.array(blockSchema)]) }), parent_tool_use_id: z.string().nullish() });
const initSchema = z.object({ session_id: sessionIdSchema });
const retrySchema = z.object({
  attempt: z.number(),
  max_retries: z.number(),
  retry_delay_ms: z.number().nonnegative(),
  error_status: z.number().nullish(),
  error: z.string().nullish(),
});
const resultSchema = z.object({
  subtype: z.string(),
  is_error: z.boolean().default(false),
  result: z.string().default(""),
  terminal_reason: z.string().nullish(),
  api_error_status: z.number().nullish(),
  num_turns: z.number().nullish(),
  errors: z.array(z.unknown()).default([]),
  usage: usageSchema.optional().catch(undefined),
  permission_denials: z.array(z.looseObject({ tool_name: z.string().optional() })).default([]),
});
const answerSchema = z.object({
  response: z.object({
    request_id: z.string(),
    error: z.string().optional(),
    response: z.looseObject({ errors: z.record(z.string(), z.string()).default({}) }).optional(),
  }),
});
export type ClaudeResult = z.output<typeof resultSchema>;
export type ClaudeRetry = z.output<typeof retrySchema>;

export type ClaudeEvent =
  | { readonly kind: "init"; readonly sessionId: string }
  /** What the model said, or asked for; `isOfSubagent` where it was not said to the user. */
  | { readonly kind: "assistant"; readonly blocks: readonly Block[]; readonly isOfSubagent: boolean }
  /** Results of tools; `result` is what Claude Code itself knows of them. */
  | { readonly kind: "results"; readonly blocks: readonly Block[]; readonly result: unknown; readonly isOfSubagent: boolean }
  /** A message of ours has come to the model, or will with its next request. */
  | { readonly kind: "heard" }
  | { readonly kind: "retry"; readonly retry: ClaudeRetry }
  | { readonly kind: "result"; readonly result: ClaudeResult }
  /** The answer to a request of ours: why each MCP server did not start that did not. */
  | { readonly kind: "answer"; readonly requestId: string; readonly failed: Readonly<Record<string, string>> }
  /** Something is going on, and no more is to be told of it. */
  | { readonly kind: "sign-of-life" }
  /** Something that this backend does not know, or not in this form; `name` says what. */
  | { readonly kind: "unknown"; readonly name: string };

const SIGN_OF_LIFE = { kind: "sign-of-life" } as const;
/** Pieces of what comes whole a moment later; they are many. */
const PIECE = /^\{"type":"stream_event"/;
const NOTHING_TO_TELL = new Set([
  "stream_event",
  "control_request",
  "control_cancel_request",
  "rate_limit_event",
  "keep_alive",
  "tool_progress",
  "tool_use_summary",
]);

/** A line as an event; undefined where it is none at all. */
export function parseClaudeEvent(line: string): ClaudeEvent | undefined {
  if (PIECE.test(line)) return SIGN_OF_LIFE;
  const raw = parseJson(line);
  if (typeof raw !== "object" || raw === null || !("type" in raw) || typeof raw.type !== "string") return undefined;
  const unknown = { kind: "unknown", name: raw.type } as const;
  switch (raw.type) {
    case "system":
      return parseSystem(raw);
    case "assistant":
    case "user": {
      const { data } = messageSchema.safeParse(raw);
      if (!data) return unknown;
      const { content } = data.message;
      const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
      const isOfSubagent = typeof data.parent_tool_use_id === "string";
      if (raw.type === "user" && "isReplay" in raw && raw.isReplay === true) return { kind: "heard" };
      if (raw.type === "assistant") return { kind: "assistant", blocks, isOfSubagent };
      return {
        kind: "results",
        blocks: blocks.filter(({ type }) => type === "tool_result"),
        result: "tool_use_result" in raw ? raw.tool_use_result : undefined,
        isOfSubagent,
      };
    }
    case "control_response":
      return parseAnswer(raw) ?? unknown;
    case "result": {
      const { data } = resultSchema.safeParse(raw);
      // That it is over is sure, whatever form the rest has.
      return {
        kind: "result",
        result: data ?? { ...resultSchema.parse({ subtype: "unknown", is_error: true }), errors: ["its result has a form that is not known"] },
      };
    }
    default:
      return NOTHING_TO_TELL.has(raw.type) ? SIGN_OF_LIFE : unknown;
  }
}

function parseAnswer(raw: object): ClaudeEvent | undefined {
  const { data } = answerSchema.safeParse(raw);
  if (!data) return undefined;
  const { request_id: requestId, error, response } = data.response;
  return { kind: "answer", requestId, failed: error === undefined ? (response?.errors ?? {}) : { "": error } };
}

/** Of the many things that Claude Code says of itself, two matter. */
function parseSystem(raw: object): ClaudeEvent {
  const subtype = "subtype" in raw ? raw.subtype : undefined;
  if (subtype === "init") {
    const { data } = initSchema.safeParse(raw);
    return data ? { kind: "init", sessionId: data.session_id } : { kind: "unknown", name: "system init" };
  }
  if (subtype !== "api_retry") return SIGN_OF_LIFE;
  const { data } = retrySchema.safeParse(raw);
  return data ? { kind: "retry", retry: data } : { kind: "unknown", name: "system api_retry" };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
