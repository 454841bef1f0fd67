import { SlipwayError } from "@slipway/protocol/errors";
import type { Provider } from "@slipway/protocol/gateway-config";
import { fitsPattern } from "../name-pattern.ts";
import { allowedTools, demandedTool, isObject } from "./hosted-tools.ts";
import { type InputFacts, walkInput, withoutDeniedTools } from "./input-walk.ts";
import { membersOf, withMembers } from "./json-members.ts";

export type ModelApi = "responses" | "chat";

/** What will be asked of the vendor, and what that takes at most. */
export interface RequestPlan {
  readonly api: ModelApi;
  readonly model: string;
  readonly stream: boolean;
  /** The body to send: the agent's own bytes, but for the rewrites. */
  readonly body: Buffer;
  /** MODEL_NOT_ALLOWED: the request must not be sent. */
  readonly refusal: SlipwayError | null;
  /** At most what the request holds. */
  readonly inputTokens: number;
  /** The answer's limit as the request sets it, for all choices together; null where it sets none. */
  readonly outputLimit: number | null;
  readonly choices: number;
  /** `service_tier`, where the request names one. */
  readonly tier: string | undefined;
  /** Types of the tools that were taken out. */
  readonly removedTools: readonly string[];
}

/** A token stands for three or four bytes of prose or code; of bytes that mean nothing, such as digests, hardly ever for less than two. */
const BYTES_PER_TOKEN = 2;
/** More than a vendor counts for one image, whatever its bytes. */
const TOKENS_PER_IMAGE = 10_000;
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
export function planRequest(api: ModelApi, body: Buffer, provider: Provider): RequestPlan {
  const request = parse(body);
  const members = membersOf(body);
  for (const { key } of members) {
    if (!DECIDING.has(key) && DECIDING.has(key.toLowerCase())) throw invalid(`${key}: expected small letters`);
  }
  const model = request["model"];
  if (typeof model !== "string" || model === "" || model.length > 200) throw invalid("model: expected the name of a model, of at most 200 characters");
  const conversation = request[api === "responses" ? "input" : "messages"];
  const facts = walkInput(conversation);
  const { changes, removed } = rewrites(api, request, provider.hostedTools);
  const sent = changes.size === 0 ? body : withMembers(body, members, changes);
  const choices = wholeNumber(request["n"]) ?? 1;
  return {
    api,
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

function parse(body: Buffer): Readonly<Record<string, unknown>> {
  let request: unknown;
  try {
    request = JSON.parse(body.toString("utf8"));
  } catch (error) {
    // V8 quotes the text around the place; a conversation must not get into an error.
    throw new SlipwayError("INVALID_REQUEST", "The request's body is not valid JSON.", {}, { cause: error });
  }
  if (!isObject(request)) throw invalid("the body: expected an object");
  return request;
}

function rewrites(
  api: ModelApi,
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
  if (!provider.models.some((pattern) => fitsPattern(model, pattern))) {
    return notAllowed(`The gateway does not allow the model ${model}.`, { model, expected: provider.models, hint: "Add it to the provider's `models`" });
  }
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
  if (facts.remoteUrl !== null && !mayFind(hostedTools, "remote_url")) {
    const hint = "Have the agent send the file itself, or add remote_url to the provider's `hostedTools`";
    return notAllowed(`The request has the vendor fetch ${facts.remoteUrl}.`, { url: facts.remoteUrl, hint });
  }
  return null;
}

function mayFind(hostedTools: readonly string[], name: string): boolean {
  return hostedTools.some((pattern) => fitsPattern(name, pattern));
}

function estimateInput(bytes: number, facts: InputFacts, request: Readonly<Record<string, unknown>>): number {
  const named = [request["previous_response_id"], request["conversation"]].some((value) => value !== undefined && value !== null);
  const text = Math.ceil(Math.max(bytes - facts.imageBytes, 0) / BYTES_PER_TOKEN);
  return text + facts.images * TOKENS_PER_IMAGE + (named ? TOKENS_OF_NAMED_CONVERSATION : 0);
}

function outputLimitOf(request: Readonly<Record<string, unknown>>, choices: number): number | null {
  for (const key of ["max_output_tokens", "max_completion_tokens", "max_tokens"]) {
    const limit = wholeNumber(request[key]);
    if (limit !== null) return limit * choices;
  }
  return null;
}

function wholeNumber(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value < 1e9 ? value : null;
}

function invalid(problem: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", `${problem}.`);
}

function notAllowed(message: string, details: Record<string, unknown> & { hint: string }): SlipwayError {
  return new SlipwayError("MODEL_NOT_ALLOWED", message, { ...details, hint: `${details.hint} (docs/gateway.md), then \`slipway retry\`.` });
}
