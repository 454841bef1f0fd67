import { expect, test } from "vitest";
import { type ClaudeResult, parseClaudeEvent } from "./claude-events.ts";
import { failedByClaude } from "./failure.ts";

function result(fields: object): ClaudeResult {
  const event = parseClaudeEvent(JSON.stringify({ type: "result", subtype: "success", is_error: true, terminal_reason: "api_error", ...fields }));
  if (event?.kind !== "result") throw new Error("it is no result");
  return event.result;
}

/** Real words of Claude Code 2.1.329; `tests/agents/claude-code` has the CLI say them. */
test.each([
  [400, "API Error: 400 The request is not valid (scripted).", "MODEL_REFUSED"],
  [401, "Invalid API key · Fix external API key", "BACKEND_AUTH"],
  [401, "Failed to authenticate. API Error: 401 invalid x-api-key", "BACKEND_AUTH"],
  [402, "API Error: 402 There is an issue with your payment information.", "BACKEND_QUOTA"],
  [403, "Failed to authenticate. API Error: 403 Your API key does not have permission to use the specified resource.", "BACKEND_AUTH"],
  [404, "There's an issue with the selected model (x). It may not exist or you may not have access to it.", "MODEL_REFUSED"],
  [429, "API Error: Request rejected (429) · This request would exceed your organization's rate limit. Please try again later.", "BACKEND_RATE_LIMITED"],
  [500, "API Error: 500 Internal server error. This is a server-side issue, usually temporary — try again in a moment.", "MODEL_OVERLOADED"],
  [529, "API Error: 529 Overloaded. This is a server-side issue, usually temporary — try again in a moment.", "MODEL_OVERLOADED"],
  [400, "Credit balance is too low", "BACKEND_QUOTA"],
  [null, "API Error: Connection to the API was lost (ECONNRESET). This is usually temporary — try again.", "MODEL_UNREACHABLE"],
  [400, "API Error: 400 BUDGET_EXCEEDED: The job used up its budget.", "BUDGET_EXCEEDED"],
  [504, "API Error: 504 MODEL_TIMEOUT: no answer", "MODEL_TIMEOUT"],
  [null, "the moon is full", "BACKEND_FAILED"],
])("%s %s is %s", (status, words, code) => {
  expect(failedByClaude(result({ api_error_status: status, result: words }))).toMatchObject({ failure: { code, message: `Claude Code: ${words}` } });
});

test.each([
  [{ terminal_reason: "prompt_too_long", result: "Prompt is too long" }, "CONTEXT_TOO_LONG", "Prompt is too long"],
  [{ subtype: "error_max_turns", terminal_reason: "max_turns", errors: ["Reached maximum number of turns (3)"] }, "AGENT_STEP_LIMIT", "maximum number"],
  [{ subtype: "error_during_execution", terminal_reason: "aborted_tools" }, "BACKEND_FAILED", "error_during_execution"],
])("%j is %s", (fields, code, words) => {
  expect(failedByClaude(result(fields))).toMatchObject({ failure: { code, message: expect.stringContaining(words) } });
});
