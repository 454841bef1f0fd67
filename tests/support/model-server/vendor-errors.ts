import type { ErrorMeaning } from "./protocol.ts";
import type { ScriptedError } from "./scenario.ts";

interface Words {
  readonly type: string;
  readonly code: string | null;
  readonly message: string;
}

/** What OpenAI says with each status where the scenario does not say otherwise. */
const WORDS: Readonly<Record<number, Words>> = {
  400: { type: "invalid_request_error", code: null, message: "The request is not valid (scripted)." },
  401: { type: "invalid_request_error", code: "invalid_api_key", message: "Incorrect API key provided." },
  402: { type: "insufficient_quota", code: "insufficient_quota", message: "You exceeded your current quota, please check your plan and billing details." },
  403: { type: "invalid_request_error", code: "unsupported_country_region_territory", message: "Country, region, or territory not supported." },
  404: { type: "invalid_request_error", code: "model_not_found", message: "The model does not exist or you do not have access to it." },
  429: { type: "requests", code: "rate_limit_exceeded", message: "Rate limit reached. Please try again later." },
  500: { type: "server_error", code: null, message: "The server had an error while processing your request." },
  503: { type: "server_error", code: "server_is_overloaded", message: "The server is currently overloaded." },
  529: { type: "overloaded_error", code: "server_is_overloaded", message: "Overloaded" },
};

export const OPENAI_MEANINGS: Readonly<Record<ErrorMeaning, Omit<ScriptedError, "inStream">>> = {
  context: { status: 400, code: "context_length_exceeded", message: "Your input exceeds the context window of this model." },
  quota: { status: 429, type: "insufficient_quota", code: "insufficient_quota", message: "You exceeded your current quota." },
};

/** `{ error }` as OpenAI and those who follow it send it. */
export function openAiError({ status, ...said }: ScriptedError): { error: Words & { param: null } } {
  const words = WORDS[status] ?? { type: "server_error", code: null, message: `Scripted error ${status}.` };
  return { error: { message: said.message ?? words.message, type: said.type ?? words.type, param: null, code: said.code ?? words.code } };
}
