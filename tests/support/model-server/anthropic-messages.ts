import { z } from "zod";
import { ANTHROPIC_MEANINGS, anthropicError } from "./anthropic-errors.ts";
import { randomId, stepAfter } from "./call-ids.ts";
import type { AnswerItem, Frame, ModelProtocol, ModelRequest, ReadyAnswer } from "./protocol.ts";
import type { ScriptedError, UsageFigures } from "./scenario.ts";

/** Anthropic Messages (https://platform.claude.com/docs/en/api/messages), as far as coding agents use it. */
export const anthropicMessages: ModelProtocol = {
  name: "messages",
  takes: (path) => /\/messages\/?$/.test(path),
  read,
  whole: (request, answer) => ({ ...messageOf(request, usageOf(answer.usage)), content: answer.items.map(toBlock), stop_reason: stopReason(answer) }),
  frames,
  error: anthropicError,
  errorFrames,
  meanings: ANTHROPIC_MEANINGS,
  side: (path, body) => (/\/messages\/count_tokens\/?$/.test(path) ? { input_tokens: Math.ceil(JSON.stringify(body ?? "").length / 4) } : undefined),
};

const textBlockSchema = z.looseObject({ type: z.string(), text: z.string().optional() });
const contentSchema = z.union([z.string(), z.array(textBlockSchema)]);
const blockSchema = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  tool_use_id: z.string().optional(),
  content: contentSchema.optional(),
});
const bodySchema = z.looseObject({
  model: z.string(),
  max_tokens: z.int().positive(),
  stream: z.boolean().default(false),
  system: contentSchema.optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(blockSchema)]) })).min(1),
  tools: z
    .array(
      z.looseObject({
        name: z.string().optional(),
        type: z.string().nullish(),
        input_schema: z
          .looseObject({
            properties: z.record(z.string(), z.looseObject({ type: z.unknown().optional() })).default({}),
            required: z.array(z.string()).default([]),
          })
          .optional(),
      }),
    )
    .optional(),
});
type Block = z.output<typeof blockSchema>;

/** What clients add to a conversation on their own account is no text of the user. */
const REMINDER = /^\s*<system-reminder>/;

function read(raw: unknown): ModelRequest {
  const body = bodySchema.parse(raw);
  const messages = body.messages.map(({ role, content }) => ({ role, blocks: blocksOf(content) }));
  const lastUser = messages.findLastIndex(
    ({ role, blocks }) => role === "user" && blocks.every(({ type }) => type !== "tool_result") && wordsOf(blocks) !== "",
  );
  const results = messages.slice(lastUser + 1).flatMap(({ blocks }) => blocks.filter(({ type }) => type === "tool_result"));
  return {
    model: body.model,
    isStream: body.stream,
    wantsUsage: true,
    tools: (body.tools ?? []).map(({ name, type, input_schema: { properties = {}, required = [] } = { properties: {}, required: [] } }) => {
      return { name: name ?? type ?? "unknown", isFreeform: false, properties, required };
    }),
    prompt: wordsOf(messages[lastUser]?.blocks ?? []),
    text: [textOf(body.system), ...messages.flatMap(({ blocks }) => blocks.map((block) => block.text ?? textOf(block.content)))].join("\n"),
    step: stepAfter(results.map(({ tool_use_id }) => tool_use_id)),
    toolResults: results.map(({ content }) => textOf(content)),
  };
}

function blocksOf(content: string | Block[]): Block[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

function wordsOf(blocks: readonly Block[]): string {
  return blocks.flatMap(({ type, text }) => (type === "text" && text !== undefined && !REMINDER.test(text) ? [text] : [])).join("\n");
}

function textOf(content: z.output<typeof contentSchema> | undefined): string {
  if (content === undefined) return "";
  return typeof content === "string" ? content : content.map(({ text }) => text ?? "").join("\n");
}

function toBlock(item: AnswerItem): Record<string, unknown> {
  if (item.kind === "reasoning") return { type: "thinking", thinking: item.text, signature: "c2NyaXB0ZWQ=" };
  if (item.kind === "text") return { type: "text", text: item.pieces.join("") };
  return { type: "tool_use", id: item.callId, name: item.tool.name, input: item.input };
}

/** Input that came from the cache, or went there, is not in `input_tokens`. */
function usageOf(usage: UsageFigures | null): Record<string, unknown> | undefined {
  if (!usage) return undefined;
  return {
    input_tokens: Math.max(usage.inputTokens - usage.cachedInputTokens - usage.cacheWriteTokens, 0),
    cache_read_input_tokens: usage.cachedInputTokens,
    cache_creation_input_tokens: usage.cacheWriteTokens,
    output_tokens: usage.outputTokens,
    output_tokens_details: { thinking_tokens: usage.reasoningTokens },
  };
}

function messageOf({ model }: ModelRequest, usage: Record<string, unknown> | undefined): Record<string, unknown> {
  const base = { id: randomId("msg_"), type: "message", role: "assistant", model, content: [], stop_reason: null, stop_sequence: null };
  return usage ? { ...base, usage } : base;
}

function stopReason({ items }: ReadyAnswer): string {
  return items.some(({ kind }) => kind === "call") ? "tool_use" : "end_turn";
}

/** The first event has the usage of the input; the last but one that of the output, with the whole of it. */
function* frames(request: ModelRequest, answer: ReadyAnswer): Generator<Frame> {
  const usage = usageOf(answer.usage);
  yield frame("message_start", { message: messageOf(request, usage && { ...usage, output_tokens: 1 }) });
  yield frame("ping", {});
  for (const [index, item] of answer.items.entries()) yield* blockFrames(index, item);
  const told = usage ? { usage } : {};
  yield frame("message_delta", { delta: { stop_reason: stopReason(answer), stop_sequence: null }, ...told });
  yield frame("message_stop", {});
}

function* blockFrames(index: number, item: AnswerItem): Generator<Frame> {
  const whole = toBlock(item);
  const begun = item.kind === "call" ? { input: {} } : item.kind === "text" ? { text: "" } : { thinking: "", signature: "" };
  yield frame("content_block_start", { index, content_block: { ...whole, ...begun } });
  const delta = (type: string, value: object): Frame => frame("content_block_delta", { index, delta: { type, ...value } });
  if (item.kind === "text") for (const text of item.pieces) yield delta("text_delta", { text });
  if (item.kind === "reasoning") {
    yield delta("thinking_delta", { thinking: item.text });
    yield delta("signature_delta", { signature: whole["signature"] });
  }
  if (item.kind === "call") yield delta("input_json_delta", { partial_json: JSON.stringify(item.input) });
  yield frame("content_block_stop", { index });
}

function* errorFrames(request: ModelRequest, error: ScriptedError): Generator<Frame> {
  yield frame("message_start", { message: messageOf(request, { input_tokens: 1, output_tokens: 1 }) });
  yield { event: "error", data: anthropicError(error) };
}

function frame(type: string, rest: object): Frame {
  return { event: type, data: { type, ...rest } };
}
