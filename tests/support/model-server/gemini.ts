import { z } from "zod";
import { randomId, stepAfter } from "./call-ids.ts";
import { GEMINI_MEANINGS, geminiError } from "./gemini-errors.ts";
import { exampleOf } from "./json-schema-example.ts";
import type { AnswerItem, Frame, ModelProtocol, ModelRequest, ReadyAnswer } from "./protocol.ts";
import type { ScriptedError, UsageFigures } from "./scenario.ts";

const PATH = /\/models\/([^/:]+):(generateContent|streamGenerateContent)$/;

/** Gemini's generateContent (https://ai.google.dev/api/generate-content), as far as coding agents use it. */
export const gemini: ModelProtocol = {
  name: "gemini",
  takes: (path) => PATH.test(path),
  read,
  whole: (request, answer) => chunk(request, partsOf(answer), { finishReason: "STOP", ...usageOf(answer.usage) }),
  frames,
  error: geminiError,
  errorFrames,
  meanings: GEMINI_MEANINGS,
  side: (path, body) => (/\/models\/[^/:]+:countTokens$/.test(path) ? { totalTokens: Math.ceil(JSON.stringify(body ?? "").length / 4) } : undefined),
};

const partSchema = z.looseObject({
  text: z.string().optional(),
  thought: z.boolean().optional(),
  functionResponse: z.looseObject({ id: z.string().optional(), name: z.string(), response: z.unknown().optional() }).optional(),
});
type Part = z.output<typeof partSchema>;
const contentSchema = z.looseObject({ role: z.string().optional(), parts: z.array(partSchema).default([]) });
const typedSchema = z.looseObject({ type: z.unknown().optional() });
const parametersSchema = z.looseObject({ properties: z.record(z.string(), typedSchema).default({}), required: z.array(z.string()).default([]) });
const bodySchema = z.looseObject({
  contents: z.array(contentSchema).min(1),
  systemInstruction: contentSchema.optional(),
  generationConfig: z.looseObject({ responseJsonSchema: z.unknown().optional(), responseSchema: z.unknown().optional() }).optional(),
  tools: z
    .array(
      z.looseObject({
        functionDeclarations: z
          .array(z.looseObject({ name: z.string(), parameters: parametersSchema.optional(), parametersJsonSchema: parametersSchema.optional() }))
          .default([]),
      }),
    )
    .optional(),
});

function read(raw: unknown, path: string): ModelRequest {
  const body = bodySchema.parse(raw);
  const [, model = "", method] = PATH.exec(path) ?? [];
  const isResult = ({ parts }: { parts: Part[] }): boolean => parts.some(({ functionResponse }) => functionResponse !== undefined);
  const lastUser = body.contents.findLastIndex((content) => content.role === "user" && !isResult(content) && wordsOf(content.parts) !== "");
  const results = body.contents.slice(lastUser + 1).flatMap(({ parts }) => parts.flatMap(({ functionResponse }) => functionResponse ?? []));
  const { responseJsonSchema, responseSchema } = body.generationConfig ?? {};
  const wanted = responseJsonSchema ?? responseSchema;
  return {
    model,
    isStream: method === "streamGenerateContent",
    wantsUsage: true,
    tools: (body.tools ?? []).flatMap(({ functionDeclarations }) =>
      functionDeclarations.map(({ name, parameters, parametersJsonSchema }) => {
        const { properties = {}, required = [] } = parametersJsonSchema ?? parameters ?? {};
        return { name, isFreeform: false, properties: Object.fromEntries(Object.entries(properties).map(lowerType)), required };
      }),
    ),
    prompt: wordsOf(body.contents[lastUser]?.parts ?? []),
    text: [body.systemInstruction, ...body.contents].map((content) => textOf(content?.parts ?? [])).join("\n"),
    step: stepAfter(results.map(({ id }) => id)),
    toolResults: results.map(({ response }) => JSON.stringify(response ?? "")),
    ...(wanted === undefined ? {} : { wantedJson: exampleOf(wanted) }),
  };
}

/** Gemini's own schemas have their types in capitals. */
function lowerType([name, schema]: [string, z.output<typeof typedSchema>]): [string, { type?: unknown }] {
  return [name, typeof schema.type === "string" ? { ...schema, type: schema.type.toLowerCase() } : schema];
}

function wordsOf(parts: readonly Part[]): string {
  return parts.flatMap(({ text, thought }) => (text === undefined || thought ? [] : [text])).join("\n");
}

function textOf(parts: readonly Part[]): string {
  return parts.map(({ text, functionResponse }) => text ?? (functionResponse ? JSON.stringify(functionResponse.response) : "")).join("\n");
}

function partsOf(answer: ReadyAnswer): object[] {
  return answer.items.map((item) => toPart(item, item.kind === "text" ? item.pieces.join("") : ""));
}

function toPart(item: AnswerItem, text: string): object {
  if (item.kind === "reasoning") return { text: item.text, thought: true };
  if (item.kind === "text") return { text };
  return { functionCall: { id: item.callId, name: item.tool.name, args: item.input }, thoughtSignature: "c2NyaXB0ZWQ=" };
}

/** The thoughts are counted beside the answer; what came from the cache is part of the prompt. */
function usageOf(usage: UsageFigures | null): { usageMetadata?: Record<string, number> } {
  if (!usage) return {};
  const usageMetadata = {
    promptTokenCount: usage.inputTokens,
    cachedContentTokenCount: usage.cachedInputTokens,
    candidatesTokenCount: usage.outputTokens - usage.reasoningTokens,
    thoughtsTokenCount: usage.reasoningTokens,
    totalTokenCount: usage.inputTokens + usage.outputTokens,
  };
  return { usageMetadata };
}

function chunk({ model }: ModelRequest, parts: object[], { finishReason, usageMetadata }: { finishReason?: string; usageMetadata?: object } = {}): object {
  const candidate = { content: { role: "model", parts }, ...(finishReason === undefined ? {} : { finishReason }), index: 0 };
  return { candidates: [candidate], ...(usageMetadata ? { usageMetadata } : {}), modelVersion: model, responseId: randomId("r") };
}

/** Each chunk has the usage so far; the last one has the reason of the end too. */
function* frames(request: ModelRequest, answer: ReadyAnswer): Generator<Frame> {
  const sofar = usageOf(answer.usage && { ...answer.usage, outputTokens: answer.usage.reasoningTokens });
  for (const item of answer.items) {
    for (const text of item.kind === "text" ? item.pieces.flatMap(slices) : [""]) yield { data: chunk(request, [toPart(item, text)], sofar) };
  }
  yield { data: chunk(request, [{ text: "" }], { finishReason: "STOP", ...usageOf(answer.usage) }) };
}

/** A short text comes in a few pieces too. */
function slices(text: string): string[] {
  const size = Math.ceil(text.length / 4);
  return text.length < 4 || text.length > 200 ? [text] : [0, 1, 2, 3].map((index) => text.slice(index * size, (index + 1) * size));
}

function* errorFrames(request: ModelRequest, error: ScriptedError): Generator<Frame> {
  yield { data: chunk(request, [{ text: "" }]) };
  yield { data: geminiError(error) };
}
