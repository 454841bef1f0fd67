import { randomId } from "./call-ids.ts";
import type { ErrorMeaning } from "./protocol.ts";
import type { ScriptedError } from "./scenario.ts";

type Words = readonly [type: string, message: string];

/** What Anthropic says with each status (https://platform.claude.com/docs/en/api/errors) where the scenario does not say otherwise. */
const WORDS: Readonly<Record<number, Words>> = {
  400: ["invalid_request_error", "The request is not valid (scripted)."],
  401: ["authentication_error", "invalid x-api-key"],
  402: ["billing_error", "There is an issue with your billing or payment information."],
  403: ["permission_error", "Your API key does not have permission to use the specified resource."],
  404: ["not_found_error", "model: the model does not exist"],
  413: ["request_too_large", "Request exceeds the maximum size"],
  429: ["rate_limit_error", "This request would exceed your organization's rate limit. Please try again later."],
  500: ["api_error", "Internal server error"],
  503: ["api_error", "Service unavailable"],
  504: ["timeout_error", "Request timed out"],
  529: ["overloaded_error", "Overloaded"],
};

/** Anthropic has no code of its own for these: the message tells. */
export const ANTHROPIC_MEANINGS: Readonly<Record<ErrorMeaning, Omit<ScriptedError, "inStream">>> = {
  context: { status: 400, type: "invalid_request_error", message: "prompt is too long: 208310 tokens > 200000 maximum" },
  quota: {
    status: 400,
    type: "invalid_request_error",
    message: "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
  },
};

/** `{ type: "error", error, request_id }` as Anthropic sends it. */
export function anthropicError({ status, ...said }: ScriptedError): { type: "error"; error: { type: string; message: string }; request_id: string } {
  const [type, message] = WORDS[status] ?? ["api_error", `Scripted error ${status}.`];
  return { type: "error", error: { type: said.type ?? type, message: said.message ?? message }, request_id: randomId("req_") };
}
