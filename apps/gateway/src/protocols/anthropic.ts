import { readMessage, readMessagesUsage } from "../answer/messages-usage.ts";
import type { EventFacts, StreamForm } from "../answer/stream-form.ts";
import { type AnswerFacts, readError } from "../answer/usage.ts";
import { isObject } from "../request/hosted-tools.ts";
import { planCount, planMessages } from "../request/plan-messages.ts";
import type { ModelApi, OwnError, VendorProtocol } from "./protocol.ts";

/** https://platform.claude.com/docs/en/api/messages */
export const messagesApi: ModelApi = {
  way: "POST /<provider>/v1/messages",
  target: (path) => (path === "/v1/messages" ? { path: "/messages" } : null),
  plan: planMessages,
  readAnswer: readMessage,
  streamForm,
};

/** https://platform.claude.com/docs/en/api/messages-count-tokens. The vendor charges nothing for it. */
const countApi: ModelApi = {
  way: "POST /<provider>/v1/messages/count_tokens",
  target: (path) => (path === "/v1/messages/count_tokens" ? { path: "/messages/count_tokens" } : null),
  plan: planCount,
  readAnswer: readCount,
  streamForm,
};

/** Anthropic's protocol. */
export const anthropic: VendorProtocol = {
  apis: [messagesApi, countApi],
  models: {
    path: "/v1/models",
    vendorPath: "/models",
    list: (names) => ({
      data: names.map((id) => ({ type: "model", id, display_name: id, created_at: "1970-01-01T00:00:00Z" })),
      has_more: false,
      first_id: names[0] ?? null,
      last_id: names.at(-1) ?? null,
    }),
    host: /\.anthropic\.com$/,
    listed: /^claude-/,
  },
  keyHeaders: (key) => ({ "x-api-key": key }),
  versionHeaders: { "anthropic-version": "2023-06-01" },
  error: ({ message, status }: OwnError) => ({ type: "error", error: { type: typeOf(status), message } }),
};

/** The input's usage comes with the first event, all of it with the last but one: only that one is what the call took. */
function streamForm(): StreamForm {
  let started: Readonly<Record<string, unknown>> = {};
  return {
    usageKey: '"usage"',
    endings: ['"message_stop"'],
    outputSigns: ['"content_block_start"', '"content_block_delta"'],
    mustComplete: true,
    read(event): EventFacts | null {
      const { type, message, usage } = event;
      if (type === "error") return { error: readError(event["error"]) ?? { code: "", type: "", message: "The stream told of an error." } };
      if (type === "message_stop") return { complete: true };
      if (type === "message_start" && isObject(message) && isObject(message["usage"])) started = message["usage"];
      if (type !== "message_delta" || !isObject(usage)) return null;
      return readMessage({ usage: { ...started, ...numbersOf(usage) } });
    },
  };
}

/** A delta may say null of what it does not count anew. */
function numbersOf(usage: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null));
}

function readCount(answer: unknown): AnswerFacts {
  return { ...readMessage(answer), tokens: readMessagesUsage({ output_tokens: 0 }) };
}

/** https://platform.claude.com/docs/en/api/errors */
function typeOf(status: number): string {
  const types: Readonly<Record<number, string>> = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
  };
  return types[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
}
