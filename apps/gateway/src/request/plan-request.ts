import type { SlipwayError } from "@slipway/protocol/errors";
import type { Provider } from "@slipway/protocol/gateway-config";
import { allowedTools, demandedTool, isObject } from "./hosted-tools.ts";
import { type InputFacts, walkInput, withoutDeniedTools } from "./input-walk.ts";
import { withMembers } from "./json-members.ts";
import { estimateTokens, mayFind, modelName, modelRefusal, notAllowed, parseRequest, type RequestPlan, remoteRefusal, wholeNumber } from "./request-plan.ts";

/** The two kinds of request that OpenAI's protocol has. */
export type OpenAiApi = "responses" | "chat";

/** For what the vendor keeps of a conversation that the request only names. */
const TOKENS_OF_NAMED_CONVERSATION = 128_000;

/** Models that search the web by themselves, with no tool named. */
const SEARCHING_MODEL = /-search-(preview|api)(-|$)/;

/** Members that the gateway decides by; servers that do not tell capitals apart must not read others. */
const DECIDING = new Set([
  "model",
  "stream",
  "stream_options",
  "tools",
  "tool_choice",
  "input",
  "messages",
  "background",
  "prompt",
  "web_search_options",
  "max_output_tokens",
  "max_completion_tokens",
  "max_tokens",
  "n",
  "service_tier",
]);

/** Reads a request and applies the provider's lists to it. INVALID_REQUEST where it is no request of the API at all. */
export function planRequest(api: OpenAiApi, body: Buffer, provider: Provider): RequestPlan {
  const { request, members } = parseRequest(body, DECIDING);
  const model = modelName(request["model"]);
  const conversation = request[api === "responses" ? "input" : "messages"];
  const facts = walkInput(conversation);
  const { changes, removed } = rewrites(api, request, provider.hostedTools);
  const sent = changes.size === 0 ? body : withMembers(body, members, changes);
  const choices = wholeNumber(request["n"]) ?? 1;
  return {
    model,
    stream: request["stream"] === true,
    body: sent,
    refusal: refusalOf(request, model, facts, provider),
    inputTokens: estimateInput(sent.length, facts, request),
    outputLimit: outputLimitOf(request, choices),
    choices,
    tier: typeof request["service_tier"] === "string" ? request["service_tier"] : undefined,
    removedTools: [...removed],
  };
}

function rewrites(
  api: OpenAiApi,
  request: Readonly<Record<string, unknown>>,
  hostedTools: readonly string[],
): { changes: Map<string, string | null>; removed: Set<string> } {
  const changes = new Map<string, string | null>();
  const removed = new Set<string>();
  const { tools, input } = request;
  if (Array.isArray(tools)) {
    const kept = allowedTools(tools, hostedTools, removed);
    if (kept !== tools) changes.set("tools", kept.length === 0 && api === "chat" ? null : JSON.stringify(kept));
    // Chat refuses what speaks of tools where there are none.
    if (kept !== tools && kept.length === 0 && api === "chat") for (const key of ["tool_choice", "parallel_tool_calls"]) changes.set(key, null);
  }
  if (api === "responses" && Array.isArray(input)) {
    const kept = withoutDeniedTools(input, hostedTools, removed);
    if (kept !== input) changes.set("input", JSON.stringify(kept));
  }
  if (request["web_search_options"] !== undefined && !mayFind(hostedTools, "web_search")) {
    changes.set("web_search_options", null);
    removed.add("web_search_options");
  }
  if (api === "chat" && request["stream"] === true) {
    const options = isObject(request["stream_options"]) ? request["stream_options"] : {};
    if (options["include_usage"] !== true) changes.set("stream_options", JSON.stringify({ ...options, include_usage: true }));
  }
  return { changes, removed };
}

/** Why the request must not be sent; the details say what would have to be allowed. */
function refusalOf(request: Readonly<Record<string, unknown>>, model: string, facts: InputFacts, provider: Provider): SlipwayError | null {
  const { hostedTools } = provider;
  const refusal = modelRefusal(model, provider);
  if (refusal) return refusal;
  if (SEARCHING_MODEL.test(model) && !mayFind(hostedTools, "web_search")) {
    return notAllowed(`The model ${model} searches the web by itself.`, {
      model,
      hint: "Add web_search to the provider's `hostedTools`, or take another model",
    });
  }
  const tool = demandedTool(request["tool_choice"], hostedTools);
  if (tool !== null) return notAllowed(`tool_choice demands ${tool}, which is not allowed.`, { tool, hint: "Add it to the provider's `hostedTools`" });
  if (request["background"] === true) {
    return notAllowed("background: a call must not outlive its attempt; found true.", { field: "background", hint: "Have the agent ask without it" });
  }
  if (request["prompt"] !== undefined && request["prompt"] !== null && isObject(request["prompt"])) {
    const hint = "Have the agent send the prompt itself";
    return notAllowed("prompt: a prompt kept by the vendor may bring tools that nobody sees here.", { field: "prompt", hint });
  }
  return remoteRefusal(facts, hostedTools);
}

function estimateInput(bytes: number, facts: InputFacts, request: Readonly<Record<string, unknown>>): number {
  const named = [request["previous_response_id"], request["conversation"]].some((value) => value !== undefined && value !== null);
  return estimateTokens(bytes, facts) + (named ? TOKENS_OF_NAMED_CONVERSATION : 0);
}

function outputLimitOf(request: Readonly<Record<string, unknown>>, choices: number): number | null {
  for (const key of ["max_output_tokens", "max_completion_tokens", "max_tokens"]) {
    const limit = wholeNumber(request[key]);
    if (limit !== null) return limit * choices;
  }
  return null;
}
