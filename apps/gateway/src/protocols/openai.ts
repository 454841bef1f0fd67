import type { EventFacts, StreamForm } from "../answer/stream-form.ts";
import { readAnswer, readError } from "../answer/usage.ts";
import { type OpenAiApi, planRequest } from "../request/plan-request.ts";
import type { ModelApi, OwnError, VendorProtocol } from "./protocol.ts";

const RESPONSES_FORM: StreamForm = {
  usageKey: '"usage"',
  endings: ["response.completed", "response.incomplete", "response.failed"],
  outputSigns: ['.delta"', "output_item"],
  mustComplete: true,
  read: readResponsesEvent,
};

const CHAT_FORM: StreamForm = {
  usageKey: '"usage"',
  endings: [],
  endMark: "[DONE]",
  outputSigns: ['"choices"'],
  // Some servers that speak it send no last line.
  mustComplete: false,
  read: (event) => (event["type"] === "error" ? errorEvent(event) : readAnswer(event)),
};

/** https://developers.openai.com/api/docs/api-reference/responses */
export const responsesApi = openAiApi("responses", "/responses", RESPONSES_FORM);
/** https://developers.openai.com/api/docs/api-reference/chat */
export const chatApi = openAiApi("chat", "/chat/completions", CHAT_FORM);

/** OpenAI's protocol, which many other servers speak too. */
export const openAi: VendorProtocol = {
  apis: [responsesApi, chatApi],
  models: {
    path: "/v1/models",
    vendorPath: "/models",
    list: (names, owner) => ({ object: "list", data: names.map((id) => ({ id, object: "model", created: 0, owned_by: owner })) }),
    host: /\.openai\.com$/,
    listed: /^(gpt-|o\d)/,
  },
  keyHeaders: (key) => ({ authorization: `Bearer ${key}` }),
  error: ({ code, message, status }: OwnError) => ({ error: { message, type: typeOf(status), param: null, code } }),
};

function openAiApi(name: OpenAiApi, path: string, form: StreamForm): ModelApi {
  return {
    way: `POST /<provider>/v1${path}`,
    target: (asked) => (asked === `/v1${path}` ? { path } : null),
    plan: (body, provider) => planRequest(name, body, provider),
    readAnswer,
    streamForm: () => form,
  };
}

function readResponsesEvent(event: Readonly<Record<string, unknown>>): EventFacts | null {
  const { type } = event;
  if (type === "error") return errorEvent(event);
  if (typeof type !== "string" || !RESPONSES_FORM.endings.includes(type)) return null;
  const facts = readAnswer(event["response"]);
  if (type !== "response.failed") return { ...facts, complete: true };
  return { ...facts, error: facts.error ?? { code: "", type: "", message: "The response failed." } };
}

function errorEvent(event: Readonly<Record<string, unknown>>): EventFacts {
  return { error: readError(event["error"]) ?? readError(event) };
}

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}
