import type { Provider } from "@slipway/protocol/gateway-config";
import { fitsPattern } from "../name-pattern.ts";
import type { CallTarget } from "../protocols/protocol.ts";
import { isObject } from "./hosted-tools.ts";
import { withMembers } from "./json-members.ts";
import { estimateTokens, mayFind, modelName, modelRefusal, notAllowed, parseRequest, type RequestPlan, remoteRefusal, wholeNumber } from "./request-plan.ts";

/** For a file that the vendor keeps and the request only names. */
const TOKENS_OF_NAMED_FILE = 128_000;

/** Members that the gateway decides by, in both of the forms that Google's servers read. */
const DECIDING = new Set([
  "contents",
  "systemInstruction",
  "system_instruction",
  "tools",
  "toolConfig",
  "tool_config",
  "generationConfig",
  "generation_config",
  "cachedContent",
  "cached_content",
  "generateContentRequest",
  "generate_content_request",
]);

type Json = Readonly<Record<string, unknown>>;

/** Reads a request of Gemini's generateContent and applies the provider's lists to it. INVALID_REQUEST where it is none at all. */
export function planGemini(body: Buffer, provider: Provider, { model: asked, stream = false }: CallTarget): RequestPlan {
  const { request, members } = parseRequest(body, DECIDING);
  const model = modelName(asked);
  const facts = walkContents(request);
  const { changes, removed } = rewrites(request, provider.hostedTools);
  const sent = changes.size === 0 ? body : withMembers(body, members, changes);
  const config = member(request, "generationConfig", "generation_config");
  const choices = (isObject(config) && wholeNumber(member(config, "candidateCount", "candidate_count"))) || 1;
  const limit = isObject(config) ? wholeNumber(member(config, "maxOutputTokens", "max_output_tokens")) : null;
  return {
    model,
    stream,
    body: sent,
    refusal: modelRefusal(model, provider) ?? cachedRefusal(request, provider.hostedTools) ?? remoteRefusal(facts, provider.hostedTools),
    inputTokens: estimateTokens(sent.length, facts) + facts.files * TOKENS_OF_NAMED_FILE,
    outputLimit: limit === null ? null : limit * choices,
    choices,
    tier: undefined,
    removedTools: [...removed],
  };
}

/** A count of tokens is free: it has nothing to reserve but its attempt's right to ask. */
export function planGeminiCount(body: Buffer, provider: Provider, target: CallTarget): RequestPlan {
  return { ...planGemini(body, provider, target), stream: false, isFree: true };
}

/** Each tool of the list may hold several, by member: what is no declaration of the agent's own functions is run by the vendor. */
function rewrites(request: Json, hostedTools: readonly string[]): { changes: Map<string, string | null>; removed: Set<string> } {
  const changes = new Map<string, string | null>();
  const removed = new Set<string>();
  const { tools } = request;
  if (!Array.isArray(tools)) return { changes, removed };
  const kept = tools.flatMap((tool) => {
    if (!isObject(tool)) return [];
    const allowed = Object.entries(tool).filter(([name]) => isAllowed(name, hostedTools, removed));
    return allowed.length === 0 ? [] : [Object.fromEntries(allowed)];
  });
  if (removed.size === 0 && kept.length === tools.length) return { changes, removed };
  changes.set("tools", kept.length === 0 ? null : JSON.stringify(kept));
  // What says how tools are to be called is refused where there are none.
  if (kept.length === 0) for (const name of ["toolConfig", "tool_config"]) if (request[name] !== undefined) changes.set(name, null);
  return { changes, removed };
}

/** `googleSearch`, `google_search` and `google-search` are one name. */
function isAllowed(name: string, hostedTools: readonly string[], removed: Set<string>): boolean {
  const plain = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  if (plain === "function_declarations" || hostedTools.some((pattern) => fitsPattern(name, pattern) || fitsPattern(plain, pattern))) return true;
  removed.add(name.slice(0, 100));
  return false;
}

function cachedRefusal(request: Json, hostedTools: readonly string[]) {
  const kept = member(request, "cachedContent", "cached_content");
  if (kept === undefined || kept === null || mayFind(hostedTools, "cached_content")) return null;
  const hint = "Have the agent send the conversation itself, or add cached_content to the provider's `hostedTools`";
  return notAllowed("cachedContent: what the vendor keeps may bring tools that nobody sees here.", { field: "cachedContent", hint });
}

function member(value: Json, camel: string, snake: string): unknown {
  return value[camel] ?? value[snake];
}

interface ContentFacts {
  readonly images: number;
  readonly imageBytes: number;
  /** Files that the vendor keeps. */
  readonly files: number;
  readonly remoteUrl: string | null;
}

/** Google's own store of files, to which they were uploaded with the key. */
const OWN_FILE = /^https:\/\/generativelanguage\.googleapis\.com\/v1(beta)?\/files\//;

/** Looks at every object of a request; the text in it stays text. */
function walkContents(request: unknown): ContentFacts {
  let [images, imageBytes, files] = [0, 0, 0];
  let remoteUrl: string | null = null;
  const open: unknown[] = [request];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null) continue;
    if (isObject(value)) {
      const inline = member(value, "inlineData", "inline_data");
      const file = member(value, "fileData", "file_data");
      if (isObject(inline) && typeof inline["data"] === "string") {
        images += 1;
        imageBytes += inline["data"].length;
      }
      const uri = isObject(file) ? member(file, "fileUri", "file_uri") : undefined;
      if (typeof uri === "string" && OWN_FILE.test(uri)) files += 1;
      else if (typeof uri === "string") remoteUrl ??= uri.slice(0, 200);
    }
    for (const inner of Object.values(value)) if (typeof inner === "object" && inner !== null) open.push(inner);
  }
  return { images, imageBytes, files, remoteUrl };
}
