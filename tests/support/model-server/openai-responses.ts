import { z } from "zod";
import { randomId, stepAfter } from "./call-ids.ts";
import type { AnswerItem, Frame, ModelProtocol, ModelRequest, ModelTool, ReadyAnswer } from "./protocol.ts";
import type { ScriptedError } from "./scenario.ts";
import { OPENAI_MEANINGS, openAiError } from "./vendor-errors.ts";

/** OpenAI Responses (https://platform.openai.com/docs/api-reference/responses), as far as coding agents use it. */
export const openAiResponses: ModelProtocol = {
  name: "responses",
  takes: (path) => /\/responses\/?$/.test(path),
  read,
  whole: (request, answer) => responseOf(request, answer.items.map(toItem), answer),
  frames,
  error: openAiError,
  errorFrames,
  meanings: OPENAI_MEANINGS,
};

const toolSchema = z.looseObject({
  type: z.string(),
  name: z.string().optional(),
  parameters: z
    .looseObject({ properties: z.record(z.string(), z.looseObject({ type: z.unknown().optional() })).default({}), required: z.array(z.string()).default([]) })
    .nullish(),
  get tools() {
    return z.array(toolSchema).optional();
  },
});
type WireTool = z.output<typeof toolSchema>;

const contentSchema = z.union([z.string(), z.array(z.looseObject({ text: z.string().optional() }))]);
const itemSchema = z.looseObject({
  type: z.string().default("message"),
  role: z.string().optional(),
  content: contentSchema.nullish(),
  call_id: z.string().optional(),
  output: z.unknown().optional(),
  tools: z.array(toolSchema).optional(),
});
const bodySchema = z.looseObject({
  model: z.string(),
  stream: z.boolean().default(false),
  instructions: z.string().nullish(),
  input: z.union([z.string(), z.array(itemSchema)]),
  tools: z.array(toolSchema).nullish(),
});

function read(raw: unknown): ModelRequest {
  const body = bodySchema.parse(raw);
  const items = typeof body.input === "string" ? [itemSchema.parse({ role: "user", content: body.input })] : body.input;
  const lastUser = items.findLastIndex(({ type, role }) => type === "message" && role === "user");
  const results = items.slice(lastUser + 1).filter(({ type }) => type.endsWith("_output"));
  const offered = [...(body.tools ?? []), ...items.flatMap(({ type, tools }) => (type === "additional_tools" ? (tools ?? []) : []))];
  return {
    model: body.model,
    isStream: body.stream,
    wantsUsage: true,
    tools: offered.flatMap((tool) => toTools(tool)),
    prompt: textOf(items[lastUser]?.content),
    text: [body.instructions ?? "", ...items.map(({ content, output }) => `${textOf(content)}${output === undefined ? "" : outputText(output)}`)].join("\n"),
    step: stepAfter(results.map(({ call_id }) => call_id)),
    toolResults: results.map(({ output }) => outputText(output)),
  };
}

/** Namespaces hold tools of their own. */
function toTools(tool: WireTool, namespace?: string): ModelTool[] {
  if (tool.type === "namespace") return (tool.tools ?? []).flatMap((inner) => toTools(inner, tool.name));
  const { properties = {}, required = [] } = tool.parameters ?? {};
  const name = tool.name ?? tool.type;
  return [{ name, ...(namespace === undefined ? {} : { namespace }), isFreeform: tool.type === "custom", properties, required }];
}

function textOf(content: z.output<typeof contentSchema> | null | undefined): string {
  if (!content) return "";
  return typeof content === "string" ? content : content.map(({ text }) => text ?? "").join("\n");
}

function outputText(output: unknown): string {
  return typeof output === "string" ? output : JSON.stringify(output);
}

function toItem(item: AnswerItem): Record<string, unknown> {
  if (item.kind === "reasoning") return { type: "reasoning", id: randomId("rs_"), summary: [{ type: "summary_text", text: item.text }] };
  if (item.kind === "text") {
    const content = [{ type: "output_text", text: item.pieces.join(""), annotations: [] }];
    return { type: "message", id: randomId("msg_"), role: "assistant", status: "completed", content };
  }
  const { tool, callId, input } = item;
  // Codex knows the tools of the namespace `functions` by their bare names.
  const namespace = tool.namespace === undefined || tool.namespace === "functions" ? {} : { namespace: tool.namespace };
  const call = { id: randomId("fc_"), call_id: callId, name: tool.name, ...namespace, status: "completed" };
  return tool.isFreeform ? { type: "custom_tool_call", ...call, input } : { type: "function_call", ...call, arguments: JSON.stringify(input) };
}

function responseOf(request: ModelRequest, output: unknown[], { usage }: ReadyAnswer): Record<string, unknown> {
  const counted = usage && {
    input_tokens: usage.inputTokens,
    input_tokens_details: { cached_tokens: usage.cachedInputTokens },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
  return { ...emptyResponse(request), status: "completed", output, usage: counted };
}

function emptyResponse({ model }: ModelRequest): Record<string, unknown> {
  return { id: randomId("resp_"), object: "response", created_at: Math.floor(Date.now() / 1_000), status: "in_progress", model, output: [], usage: null };
}

function* frames(request: ModelRequest, answer: ReadyAnswer): Generator<Frame> {
  const output = answer.items.map(toItem);
  const response = responseOf(request, output, answer);
  const started = { ...response, status: "in_progress", output: [], usage: null };
  yield* numbered(
    (function* () {
      yield { type: "response.created", response: started };
      yield { type: "response.in_progress", response: started };
      for (const [index, item] of answer.items.entries()) yield* itemEvents(index, item, output[index] ?? {});
      yield { type: "response.completed", response };
    })(),
  );
}

function* errorFrames(request: ModelRequest, scripted: ScriptedError): Generator<Frame> {
  const { error } = openAiError(scripted);
  const response = emptyResponse(request);
  yield* numbered([
    { type: "response.created", response },
    { type: "response.failed", response: { ...response, status: "failed", error: { code: error.code ?? error.type, message: error.message } } },
  ]);
}

function* numbered(events: Iterable<{ type: string; [key: string]: unknown }>): Generator<Frame> {
  let number = 0;
  for (const { type, ...rest } of events) yield { event: type, data: { type, sequence_number: number++, ...rest } };
}

function* itemEvents(index: number, item: AnswerItem, whole: Record<string, unknown>): Generator<{ type: string; [key: string]: unknown }> {
  const place = { output_index: index, item_id: whole["id"] };
  const begun = item.kind === "call" ? (item.tool.isFreeform ? { input: "" } : { arguments: "" }) : item.kind === "text" ? { content: [] } : { summary: [] };
  yield { type: "response.output_item.added", output_index: index, item: { ...whole, status: "in_progress", ...begun } };
  if (item.kind === "text") {
    const text = item.pieces.join("");
    const part = { type: "output_text", text: "", annotations: [] };
    yield { type: "response.content_part.added", ...place, content_index: 0, part };
    for (const delta of item.pieces) yield { type: "response.output_text.delta", ...place, content_index: 0, delta };
    yield { type: "response.output_text.done", ...place, content_index: 0, text };
    yield { type: "response.content_part.done", ...place, content_index: 0, part: { ...part, text } };
  } else if (item.kind === "reasoning") {
    yield { type: "response.reasoning_summary_part.added", ...place, summary_index: 0, part: { type: "summary_text", text: "" } };
    yield { type: "response.reasoning_summary_text.delta", ...place, summary_index: 0, delta: item.text };
    yield { type: "response.reasoning_summary_text.done", ...place, summary_index: 0, text: item.text };
    yield { type: "response.reasoning_summary_part.done", ...place, summary_index: 0, part: { type: "summary_text", text: item.text } };
  } else if (item.tool.isFreeform) {
    yield { type: "response.custom_tool_call_input.delta", ...place, delta: item.input };
    yield { type: "response.custom_tool_call_input.done", ...place, input: item.input };
  } else {
    yield { type: "response.function_call_arguments.delta", ...place, delta: JSON.stringify(item.input) };
    yield { type: "response.function_call_arguments.done", ...place, name: item.tool.name, arguments: JSON.stringify(item.input) };
  }
  yield { type: "response.output_item.done", output_index: index, item: whole };
}
