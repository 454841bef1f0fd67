import { z } from "zod";
import { randomId, stepAfter } from "./call-ids.ts";
import type { Frame, ModelProtocol, ModelRequest, ReadyAnswer } from "./protocol.ts";
import type { ScriptedError } from "./scenario.ts";
import { OPENAI_MEANINGS, openAiError } from "./vendor-errors.ts";

/** OpenAI Chat Completions (https://platform.openai.com/docs/api-reference/chat), which many other servers speak too. */
export const openAiChat: ModelProtocol = {
  name: "chat",
  takes: (path) => /\/chat\/completions\/?$/.test(path),
  read,
  whole,
  frames,
  error: openAiError,
  errorFrames,
  meanings: OPENAI_MEANINGS,
};

const contentSchema = z.union([z.string(), z.array(z.looseObject({ text: z.string().optional() }))]).nullish();
const bodySchema = z.looseObject({
  model: z.string(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  messages: z.array(z.looseObject({ role: z.string(), content: contentSchema, tool_call_id: z.string().optional() })),
  tools: z
    .array(
      z.looseObject({
        function: z.looseObject({
          name: z.string(),
          parameters: z
            .looseObject({
              properties: z.record(z.string(), z.looseObject({ type: z.unknown().optional() })).default({}),
              required: z.array(z.string()).default([]),
            })
            .nullish(),
        }),
      }),
    )
    .nullish(),
});

/** What clients add to a conversation on their own account is no text of the user. */
const REMINDER = /<system-reminder>[\s\S]*?<\/system-reminder>/g;

function read(raw: unknown): ModelRequest {
  const body = bodySchema.parse(raw);
  const lastUser = body.messages.findLastIndex(({ role }) => role === "user");
  // Some agents add a reminder of their own behind what the user said, as another message.
  const beforeUser = body.messages.findLastIndex(({ role }, index) => role !== "user" && index < lastUser);
  const results = body.messages.slice(lastUser + 1).filter(({ role }) => role === "tool");
  return {
    model: body.model,
    isStream: body.stream === true,
    wantsUsage: body.stream_options?.include_usage === true,
    tools: (body.tools ?? []).map(({ function: { name, parameters } }) => {
      const { properties = {}, required = [] } = parameters ?? {};
      return { name, isFreeform: false, properties, required };
    }),
    prompt: body.messages
      .slice(beforeUser + 1, lastUser + 1)
      .map(({ content }) => textOf(content).replace(REMINDER, ""))
      .join("\n"),
    text: body.messages.map(({ content }) => textOf(content)).join("\n"),
    step: stepAfter(results.map(({ tool_call_id }) => tool_call_id)),
    toolResults: results.map(({ content }) => textOf(content)),
  };
}

function textOf(content: z.output<typeof contentSchema>): string {
  if (!content) return "";
  return typeof content === "string" ? content : content.map(({ text }) => text ?? "").join("\n");
}

function callsOf({ items }: ReadyAnswer) {
  return items.flatMap((item) =>
    item.kind === "call" ? [{ id: item.callId, type: "function", function: { name: item.tool.name, arguments: JSON.stringify(item.input) } }] : [],
  );
}

function usageOf({ usage }: ReadyAnswer) {
  if (!usage) return undefined;
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedInputTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  };
}

function head({ model }: ModelRequest) {
  return { id: randomId("chatcmpl-"), created: Math.floor(Date.now() / 1_000), model };
}

function whole(request: ModelRequest, answer: ReadyAnswer): unknown {
  const calls = callsOf(answer);
  const text = answer.items.flatMap((item) => (item.kind === "text" ? item.pieces : [])).join("");
  const reasoning = answer.items.flatMap((item) => (item.kind === "reasoning" ? item.text : [])).join("");
  const message = {
    role: "assistant",
    content: text === "" ? null : text,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  const usage = usageOf(answer);
  const choices = [{ index: 0, message, finish_reason: calls.length === 0 ? "stop" : "tool_calls" }];
  return { ...head(request), object: "chat.completion", choices, ...(usage ? { usage } : {}) };
}

/** A stream tells usage only where `stream_options.include_usage` asks for it, in a last chunk without choices; the others then say null. */
function* frames(request: ModelRequest, answer: ReadyAnswer): Generator<Frame> {
  const base = { ...head(request), object: "chat.completion.chunk" };
  const asked = request.wantsUsage ? { usage: null } : {};
  const chunk = (delta: unknown, finish_reason: string | null = null): Frame => ({
    data: { ...base, choices: [{ index: 0, delta, finish_reason }], ...asked },
  });
  yield chunk({ role: "assistant", content: "" });
  for (const item of answer.items) {
    if (item.kind === "reasoning") yield chunk({ reasoning_content: item.text });
    if (item.kind === "text") for (const content of item.pieces) yield chunk({ content });
  }
  const calls = callsOf(answer);
  for (const [index, { function: called, ...call }] of calls.entries()) {
    yield chunk({ tool_calls: [{ index, ...call, function: { name: called.name, arguments: "" } }] });
    yield chunk({ tool_calls: [{ index, function: { arguments: called.arguments } }] });
  }
  yield chunk({}, calls.length === 0 ? "stop" : "tool_calls");
  const usage = usageOf(answer);
  if (request.wantsUsage && usage) yield { data: { ...base, choices: [], usage } };
  yield { data: "[DONE]" };
}

function* errorFrames(request: ModelRequest, error: ScriptedError): Generator<Frame> {
  const choices = [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }];
  yield { data: { ...head(request), object: "chat.completion.chunk", choices } };
  yield { data: openAiError(error) };
}
