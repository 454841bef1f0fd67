import { SlipwayError } from "@slipway/protocol/errors";
import type { Provider } from "@slipway/protocol/gateway-config";
import { fitsPattern } from "../name-pattern.ts";
import { isObject } from "./hosted-tools.ts";
import type { InputFacts } from "./input-walk.ts";
import { type Member, membersOf } from "./json-members.ts";

/** What will be asked of the vendor, and what that takes at most. */
export interface RequestPlan {
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
  /** The tier of service, where the request names one that changes the price. */
  readonly tier: string | undefined;
  /** Whether something is to be cached for long, at a price of its own. */
  readonly writesLongCache?: boolean;
  /** Whether the vendor charges nothing for it. */
  readonly isFree?: boolean;
  /** Types of the tools that were taken out. */
  readonly removedTools: readonly string[];
}

/** A token stands for three or four bytes of prose or code; of bytes that mean nothing, such as digests, hardly ever for less than two. */
const BYTES_PER_TOKEN = 2;
/** More than a vendor counts for one image, whatever its bytes. */
const TOKENS_PER_IMAGE = 10_000;

type Json = Readonly<Record<string, unknown>>;

/**
 * A request's outermost object and where its members stand. INVALID_REQUEST where it is none. `deciding` are the members that the gateway decides by: servers
 * that do not tell capitals apart must not read others.
 */
export function parseRequest(body: Buffer, deciding: ReadonlySet<string>): { request: Json; members: Member[] } {
  const request = parse(body);
  const members = membersOf(body);
  for (const { key } of members) {
    if (!deciding.has(key) && deciding.has(key.toLowerCase())) throw invalid(`${key}: expected small letters`);
  }
  return { request, members };
}

function parse(body: Buffer): Json {
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

/** A model's name. INVALID_REQUEST where it is none. */
export function modelName(model: unknown): string {
  if (typeof model !== "string" || model === "" || model.length > 200) throw invalid("model: expected the name of a model, of at most 200 characters");
  return model;
}

/** Why the provider's list keeps this model from agents; null where it does not. */
export function modelRefusal(model: string, provider: Provider): SlipwayError | null {
  if (provider.models.some((pattern) => fitsPattern(model, pattern))) return null;
  return notAllowed(`The gateway does not allow the model ${model}.`, { model, expected: provider.models, hint: "Add it to the provider's `models`" });
}

/** Why what the vendor would fetch for the request is not allowed; null where it is, or where there is nothing. */
export function remoteRefusal(facts: Pick<InputFacts, "remoteUrl">, hostedTools: readonly string[]): SlipwayError | null {
  if (facts.remoteUrl === null || mayFind(hostedTools, "remote_url")) return null;
  const hint = "Have the agent send the file itself, or add remote_url to the provider's `hostedTools`";
  return notAllowed(`The request has the vendor fetch ${facts.remoteUrl}.`, { url: facts.remoteUrl, hint });
}

/** Whether a provider's `hostedTools` name this. */
export function mayFind(hostedTools: readonly string[], name: string): boolean {
  return hostedTools.some((pattern) => fitsPattern(name, pattern));
}

/** At most what a request of this length holds, in tokens. */
export function estimateTokens(bytes: number, { images, imageBytes }: Pick<InputFacts, "images" | "imageBytes">): number {
  return Math.ceil(Math.max(bytes - imageBytes, 0) / BYTES_PER_TOKEN) + images * TOKENS_PER_IMAGE;
}

/** A number of tokens or choices; null where it is none. */
export function wholeNumber(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value < 1e9 ? value : null;
}

/** INVALID_REQUEST with what is wrong. */
export function invalid(problem: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", `${problem}.`);
}

/** MODEL_NOT_ALLOWED; the details say what would have to be allowed. */
export function notAllowed(message: string, details: Record<string, unknown> & { hint: string }): SlipwayError {
  return new SlipwayError("MODEL_NOT_ALLOWED", message, { ...details, hint: `${details.hint} (docs/gateway.md), then \`slipway retry\`.` });
}
