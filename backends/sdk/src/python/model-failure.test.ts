import { expect, test } from "vitest";
import { driverErrorSchema } from "./driver-messages.ts";
import { modelFailureCode } from "./model-failure.ts";

/** As litellm 1.110 words them; the matrix of `tests/agents` has it say them. */
test.each([
  [{ type: "AuthenticationError", message: "litellm.AuthenticationError: Incorrect API key provided", httpStatus: 401 }, "BACKEND_AUTH"],
  [{ type: "PermissionDeniedError", message: "no", httpStatus: 403 }, "BACKEND_AUTH"],
  [{ type: "RateLimitError", message: "litellm.RateLimitError: You exceeded your current quota.", httpStatus: 429 }, "BACKEND_QUOTA"],
  [{ type: "RateLimitError", message: "litellm.RateLimitError: slow down", httpStatus: 429 }, "BACKEND_RATE_LIMITED"],
  [{ type: "APIError", message: "Payment required", httpStatus: 402 }, "BACKEND_QUOTA"],
  [{ type: "APIError", message: "BUDGET_EXCEEDED: the job used up its budget", httpStatus: 402 }, "BUDGET_EXCEEDED"],
  [{ type: "BadRequestError", message: "litellm.BadRequestError: MODEL_NOT_ALLOWED: not this one", httpStatus: 400 }, "MODEL_NOT_ALLOWED"],
  [{ type: "ContextWindowExceededError", message: "too long", httpStatus: 400 }, "CONTEXT_TOO_LONG"],
  [{ type: "BadRequestError", message: "Your input exceeds the context window of this model.", httpStatus: 400 }, "CONTEXT_TOO_LONG"],
  [{ type: "BadRequestError", message: "no", httpStatus: 400 }, "MODEL_REFUSED"],
  [{ type: "InternalServerError", message: "litellm.InternalServerError: no", httpStatus: 500 }, "MODEL_OVERLOADED"],
  [{ type: "ServiceUnavailableError", message: "no", httpStatus: 503 }, "MODEL_OVERLOADED"],
  [{ type: "Timeout", message: "litellm.Timeout: Request timed out.", httpStatus: 408 }, "MODEL_TIMEOUT"],
  [{ type: "APIConnectionError", message: "peer closed connection without sending complete message body", httpStatus: 500 }, "MODEL_UNREACHABLE"],
  [{ type: "InternalServerError", message: "Connection error.", httpStatus: 500 }, "MODEL_UNREACHABLE"],
  [
    { type: "InternalServerError", message: "Connection error.", httpStatus: 500, causes: ["APIConnectionError: Connection error.", "ConnectError: refused"] },
    "GATEWAY_UNAVAILABLE",
  ],
  [{ type: "OSError", message: "timeout of something else" }, undefined],
  [{ type: "toString", message: "an agent's own" }, undefined],
])("%j is %s", (error, code) => expect(modelFailureCode(driverErrorSchema.parse(error))).toBe(code));
