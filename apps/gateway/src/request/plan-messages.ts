import type { Provider } from "@slipway/protocol/gateway-config";
import { fitsPattern } from "../name-pattern.ts";
import { isObject } from "./hosted-tools.ts";
import { withMembers } from "./json-members.ts";
import { estimateTokens, mayFind, modelName, modelRefusal, notAllowed, parseRequest, type RequestPlan, remoteRefusal, wholeNumber } from "./request-plan.ts";

/** Tools of Anthropic that the agent itself runs, without their dates: https://platform.claude.com/docs/en/agents-and-tools/tool-use/tool-reference */
const CLIENT_TOOLS: ReadonlySet<string> = new Set(["custom", "bash", "text_editor", "computer", "memory"]);
/** Run by the vendor, but on nothing else than the tools of the request. */
const HARMLESS_TOOLS = /^tool_search_tool_(regex|bm25)$/;
/** For a file that the vendor keeps and the request only names. */
const TOKENS_OF_NAMED_FILE = 128_000;

/** Members that the gateway decides by; servers that do not tell capitals apart must not read others. */
const DECIDING = new Set(["model", "stream", "tools", "tool_choice", "messages", "system", "max_tokens", "mcp_servers", "container", "speed"]);
/** What has the vendor go elsewhere, or run something, by the name that `hostedTools` has for it. */
const HOSTED_MEMBERS: ReadonlyArray<readonly [member: string, hosted: string]> = [
  ["mcp_servers", "mcp"],
  ["container", "code_execution"],
];

type Json = Readonly<Record<string, unknown>>;

/** Reads a request of Anthropic's Messages and applies the provider's lists to it. INVALID_REQUEST where it is none at all. */
export function planMessages(body: Buffer, provider: Provider): RequestPlan {
  const { request, members } = parseRequest(body, DECIDING);
  const model = modelName(request["model"]);
  const facts = walkMessages([request["system"], request["messages"]]);
  const { changes, removed } = rewrites(request, provider.hostedTools);
  const sent = changes.size === 0 ? body : withMembers(body, members, changes);
  return {
    model,
    stream: request["stream"] === true,
    body: sent,
    refusal: modelRefusal(model, provider) ?? demandedRefusal(request, removed) ?? remoteRefusal(facts, provider.hostedTools),
    inputTokens: estimateTokens(sent.length, facts) + facts.files * TOKENS_OF_NAMED_FILE,
    outputLimit: wholeNumber(request["max_tokens"]),
    choices: 1,
    tier: request["speed"] === "fast" ? "fast" : undefined,
    writesLongCache: facts.writesLongCache,
    removedTools: [...removed.types],
  };
}

/** A count of tokens is free: it has nothing to reserve but its attempt's right to ask. */
export function planCount(body: Buffer, provider: Provider): RequestPlan {
  return { ...planMessages(body, provider), stream: false, isFree: true };
}

interface Removed {
  readonly types: Set<string>;
  /** Names by which a `tool_choice` may demand them. */
  readonly names: Set<string>;
}

function rewrites(request: Json, hostedTools: readonly string[]): { changes: Map<string, string | null>; removed: Removed } {
  const changes = new Map<string, string | null>();
  const removed: Removed = { types: new Set(), names: new Set() };
  const { tools } = request;
  if (Array.isArray(tools)) {
    const kept = tools.filter((tool) => isAllowed(tool, hostedTools));
    for (const tool of tools.filter((each) => !kept.includes(each))) {
      removed.types.add(typeOf(tool));
      if (isObject(tool) && typeof tool["name"] === "string") removed.names.add(tool["name"]);
    }
    if (kept.length < tools.length) changes.set("tools", kept.length === 0 ? null : JSON.stringify(kept));
    // A choice among no tools is refused.
    if (kept.length === 0 && tools.length > 0 && request["tool_choice"] !== undefined) changes.set("tool_choice", null);
  }
  for (const [member, hosted] of HOSTED_MEMBERS) {
    if (request[member] === undefined || request[member] === null || mayFind(hostedTools, hosted)) continue;
    changes.set(member, null);
    removed.types.add(member);
  }
  return { changes, removed };
}

/** Whether a tool may stay: it is run by the agent, or the provider's `hostedTools` names its type, with its date or without. */
function isAllowed(tool: unknown, hostedTools: readonly string[]): boolean {
  const type = typeOf(tool);
  const undated = type.replace(/_\d{8}$/, "");
  if (CLIENT_TOOLS.has(undated) || HARMLESS_TOOLS.test(undated)) return true;
  const name = undated === "mcp_toolset" ? "mcp" : undated;
  return hostedTools.some((pattern) => fitsPattern(type, pattern) || fitsPattern(name, pattern));
}

function typeOf(tool: unknown): string {
  if (!isObject(tool)) return "unknown";
  const type = tool["type"] ?? "custom";
  return typeof type === "string" ? type.slice(0, 100) : "unknown";
}

function demandedRefusal(request: Json, { names }: Removed) {
  const choice = request["tool_choice"];
  const name = isObject(choice) ? choice["name"] : undefined;
  if (typeof name !== "string" || !names.has(name)) return null;
  return notAllowed(`tool_choice demands ${name}, which is not allowed.`, { tool: name, hint: "Add it to the provider's `hostedTools`" });
}

interface MessageFacts {
  readonly images: number;
  readonly imageBytes: number;
  /** Files that the vendor keeps. */
  readonly files: number;
  readonly remoteUrl: string | null;
  /** Whether something is to be cached for an hour, which is dearer than the usual five minutes. */
  readonly writesLongCache: boolean;
}

/** Looks at every object of a conversation; the text in it stays text. */
function walkMessages(conversation: unknown): MessageFacts {
  let [images, imageBytes, files] = [0, 0, 0];
  let remoteUrl: string | null = null;
  let writesLongCache = false;
  const open: unknown[] = [conversation];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null) continue;
    if (isObject(value)) {
      const { source, cache_control: cache } = value as { source?: unknown; cache_control?: unknown };
      if (isObject(cache) && cache["ttl"] === "1h") writesLongCache = true;
      if (isObject(source)) {
        const { data, url, file_id: file } = source as { data?: unknown; url?: unknown; file_id?: unknown };
        if (typeof url === "string" && !/^\s*data:/i.test(url)) remoteUrl ??= url.slice(0, 200);
        if (typeof file === "string") files += 1;
        if (value["type"] === "image" && typeof data === "string") {
          images += 1;
          imageBytes += data.length;
        }
      }
    }
    for (const inner of Object.values(value)) if (typeof inner === "object" && inner !== null) open.push(inner);
  }
  return { images, imageBytes, files, remoteUrl, writesLongCache };
}
