import { readGemini } from "../answer/gemini-usage.ts";
import type { EventFacts, StreamForm } from "../answer/stream-form.ts";
import type { AnswerFacts } from "../answer/usage.ts";
import { planGemini, planGeminiCount } from "../request/plan-gemini.ts";
import type { ModelApi, OwnError, VendorProtocol } from "./protocol.ts";

/** A model's name in a path; that of a tuned one has a slash in it and is not let through. */
const CALL = /^\/v1beta\/models\/([A-Za-z0-9][A-Za-z0-9._-]{0,199}):(\w+)$/;

/** https://ai.google.dev/api/generate-content, with the answer whole or as an event stream. */
export const generateApi: ModelApi = {
  way: "POST /<provider>/v1beta/models/<model>:generateContent (or :streamGenerateContent?alt=sse)",
  target(path, query) {
    const [, model, method] = CALL.exec(path) ?? [];
    if (model === undefined || (method !== "generateContent" && method !== "streamGenerateContent")) return null;
    const stream = method === "streamGenerateContent";
    // Without it the stream is one long JSON, which nobody here could read on its way.
    if (stream && query.get("alt") !== "sse") return null;
    return { path: `/models/${model}:${method}`, model, stream, ...(stream ? { query: "alt=sse" } : {}) };
  },
  plan: planGemini,
  readAnswer: readGemini,
  streamForm,
};

/** https://ai.google.dev/api/tokens. The vendor charges nothing for it. */
const countApi: ModelApi = {
  way: "POST /<provider>/v1beta/models/<model>:countTokens",
  target(path) {
    const [, model, method] = CALL.exec(path) ?? [];
    return model !== undefined && method === "countTokens" ? { path: `/models/${model}:countTokens`, model } : null;
  },
  plan: planGeminiCount,
  readAnswer: (answer): AnswerFacts => ({ ...readGemini(answer), tokens: { ...NOTHING } }),
  streamForm,
};

const NOTHING = { inputTokens: 0, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: 0 };

/** Google's protocol of the Gemini API. */
export const gemini: VendorProtocol = {
  apis: [generateApi, countApi],
  models: {
    path: "/v1beta/models",
    vendorPath: "/models",
    list: (names) => ({ models: names.map((name) => ({ name: `models/${name}`, displayName: name, supportedGenerationMethods: ["generateContent"] })) }),
    host: /\.googleapis\.com$/,
    listed: /^gemini-/,
  },
  keyHeaders: (key) => ({ "x-goog-api-key": key }),
  error: ({ message, status }: OwnError) => ({ error: { code: status, message, status: statusOf(status) } }),
};

/** Every event has the usage so far; the last one has the reason of the end. */
function streamForm(): StreamForm {
  return {
    usageKey: '"usageMetadata"',
    endings: ['"finishReason"'],
    outputSigns: ['"candidates"'],
    mustComplete: true,
    read(event): EventFacts {
      const { candidates, promptFeedback } = event as { candidates?: unknown; promptFeedback?: { blockReason?: unknown } };
      const isOver = Array.isArray(candidates) && candidates.some((candidate) => typeof candidate?.finishReason === "string");
      // A prompt that is blocked is answered with no candidate at all.
      return { ...readGemini(event), complete: isOver || promptFeedback?.blockReason !== undefined };
    },
  };
}

/** https://cloud.google.com/apis/design/errors#handling_errors */
function statusOf(status: number): string {
  const names: Readonly<Record<number, string>> = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
  };
  return names[status] ?? (status < 500 ? "INVALID_ARGUMENT" : "INTERNAL");
}
