import { expect, test } from "vitest";
import { failedByCodex, failureCode } from "./failure.ts";

/** Real messages of Codex 0.169.0; `tests/agents/codex/failures.test.ts` has the CLI say them. */
test.each([
  ["unexpected status 401 Unauthorized: Incorrect API key provided., url: http://127.0.0.1:1/openai/v1/responses", "BACKEND_AUTH"],
  ["Missing environment variable: `SLIPWAY_MODEL_TOKEN`.", "BACKEND_AUTH"],
  ["Quota exceeded. Check your plan and billing details.", "BACKEND_QUOTA"],
  ["exceeded retry limit, last status: 429 Too Many Requests, request id: req_5", "BACKEND_RATE_LIMITED"],
  ["Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying.", "CONTEXT_TOO_LONG"],
  ["We’re currently experiencing high demand, which may cause temporary errors.", "MODEL_OVERLOADED"],
  ["Selected model is at capacity. Please try a different model.", "MODEL_OVERLOADED"],
  ["stream disconnected before completion: idle timeout waiting for SSE", "MODEL_TIMEOUT"],
  ["stream disconnected before completion: Transport error: network error: error decoding response body", "MODEL_UNREACHABLE"],
  ["The model does not exist or you do not have access to it.", "MODEL_REFUSED"],
  ["unexpected status 402 Payment Required: BUDGET_EXCEEDED: The job used up its budget., url: http://127.0.0.1:1/x", "BUDGET_EXCEEDED"],
  ["unexpected status 503 Service Unavailable: MODEL_TIMEOUT: no answer", "MODEL_TIMEOUT"],
  ["the moon is full", "BACKEND_FAILED"],
])("%s is %s", (message, code) => expect(failureCode({ message, codexErrorInfo: "other" })).toBe(code));

test.each([
  ["contextWindowExceeded", "CONTEXT_TOO_LONG"],
  ["serverOverloaded", "MODEL_OVERLOADED"],
  [{ responseStreamDisconnected: { httpStatusCode: null } }, "MODEL_UNREACHABLE"],
  ["toString", "BACKEND_FAILED"],
  [null, "BACKEND_FAILED"],
])("where the words say nothing, Codex's own code does: %j", (codexErrorInfo, code) => {
  expect(failureCode({ message: "the moon is full", codexErrorInfo })).toBe(code);
});

test("an error that is the vendor's JSON is told in its words", () => {
  const message = '{"error":{"message":"The request is not valid.","type":"invalid_request_error","param":null,"code":null}}';
  expect(failedByCodex({ message, codexErrorInfo: "other" })).toMatchObject({
    failure: { code: "MODEL_REFUSED", message: "Codex: The request is not valid." },
  });
});
