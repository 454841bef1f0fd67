import { z } from "zod";
import { threadIdSchema } from "./session.ts";

/** Notifications of `codex app-server`, as release 0.169 sends them. More fields than these do no harm. */

const base = { id: z.string() };
const status = z.string().default("completed");

export const ITEM_SCHEMAS = {
  agentMessage: z.object({ ...base, text: z.string() }),
  reasoning: z.object({ ...base, summary: z.array(z.string()).default([]), content: z.array(z.string()).default([]) }),
  commandExecution: z.object({ ...base, command: z.string(), aggregatedOutput: z.string().nullish(), exitCode: z.int().nullish(), status }),
  fileChange: z.object({ ...base, changes: z.array(z.object({ path: z.string(), kind: z.object({ type: z.string() }) })), status }),
  mcpToolCall: z.object({
    ...base,
    server: z.string(),
    tool: z.string(),
    arguments: z.unknown().optional(),
    result: z.unknown().optional(),
    error: z.looseObject({ message: z.string() }).nullish(),
    status,
  }),
  webSearch: z.object({ ...base, query: z.string() }),
  imageView: z.object({ ...base, path: z.string() }),
  collabAgentToolCall: z.object({
    ...base,
    tool: z.string(),
    prompt: z.string().nullish(),
    agentsStates: z.record(z.string(), z.object({ status: z.unknown().optional(), message: z.string().nullish() })).default({}),
    status,
  }),
  userMessage: z.object({ ...base, clientId: z.string().nullish() }),
} as const;

export type ItemType = keyof typeof ITEM_SCHEMAS;
export type Item = { [T in ItemType]: { readonly type: T } & z.output<(typeof ITEM_SCHEMAS)[T]> }[ItemType];
export type ItemMoment = "started" | "completed";

/** Items that say nothing of what the agent did, or say it twice. */
const ITEMS_LEFT_OUT = new Set([
  ...["contextCompaction", "dynamicToolCall", "enteredReviewMode", "exitedReviewMode", "functionCallOutput"],
  ...["hookPrompt", "imageGeneration", "plan", "sleep", "subAgentActivity"],
]);

const count = z.int().nonnegative().default(0);
const tokensSchema = z.object({ inputTokens: count, cachedInputTokens: count, outputTokens: count, reasoningOutputTokens: count });
/** What a thread has taken so far, all its turns together. */
export type ThreadUsage = z.output<typeof tokensSchema>;

const errorSchema = z.object({ message: z.string(), codexErrorInfo: z.unknown().optional(), additionalDetails: z.string().nullish() });
/** Why a turn failed, in words and as Codex's own code for it. */
export type TurnError = Pick<z.output<typeof errorSchema>, "message" | "codexErrorInfo">;

export type CodexEvent =
  | { readonly kind: "item"; readonly moment: ItemMoment; readonly threadId: string; readonly item: Item }
  /** A piece of a running command's output. */
  | { readonly kind: "output"; readonly itemId: string; readonly text: string }
  | { readonly kind: "plan"; readonly threadId: string; readonly steps: ReadonlyArray<{ readonly step: string; readonly status: string }> }
  | { readonly kind: "usage"; readonly threadId: string; readonly turnId: string; readonly total: ThreadUsage }
  | { readonly kind: "over"; readonly turnId: string; readonly status: string; readonly error: TurnError | undefined }
  /** For people. */
  | { readonly kind: "notice"; readonly text: string }
  | { readonly kind: "nothing" }
  /** Something that this backend does not know, or not in this form; `name` says what. */
  | { readonly kind: "unknown"; readonly name: string };

const NOTHING = { kind: "nothing" } as const;

/** What Codex is asked not to send: pieces of what comes whole a moment later, and what concerns an editor or an account. */
export const UNHEARD: readonly string[] = [
  ...["item/agentMessage/delta", "item/plan/delta", "item/reasoning/summaryTextDelta", "item/reasoning/summaryPartAdded", "item/reasoning/textDelta"],
  ...["item/fileChange/outputDelta", "item/fileChange/patchUpdated", "turn/diff/updated", "thread/status/changed", "thread/settings/updated"],
  ...["thread/readState/changed", "account/rateLimits/updated", "remoteControl/status/changed"],
];
/** What is sent all the same, and tells nothing of the agent's work. */
const NOTHING_TO_TELL =
  /^(account|app|command|externalAgentConfig|fs|fuzzyFileSearch|hook|modelProvider|process|project|remoteControl|serverRequest|skills|thread|windows|windowsSandbox)\/|^(turn\/(started|moderationMetadata|diff\/updated)|mcpServer\/(startupStatus|oauthLogin|event)\/.*|model\/(verification|safetyBuffering\/updated)|rawResponse(Item)?\/completed|item\/(autoApprovalReview|mcpToolCall|reasoning|plan|fileChange|agentMessage)\/.*|item\/commandExecution\/terminalInteraction|autoApprovalReview\/.*|deprecationNotice)$/;

const itemSchema = z.object({ threadId: z.string(), item: z.looseObject({ type: z.string() }) });
const outputSchema = z.object({ itemId: z.string(), delta: z.string() });
const planSchema = z.object({ threadId: z.string(), plan: z.array(z.object({ step: z.string(), status: z.string() })) });
const usageSchema = z.object({ threadId: z.string(), turnId: z.string(), tokenUsage: z.object({ total: tokensSchema }) });
const overSchema = z.object({ turn: z.object({ id: z.string(), status: z.string(), error: errorSchema.nullish().catch(undefined) }) });
const retrySchema = z.object({ willRetry: z.boolean(), error: errorSchema });
const messageSchema = z.object({ message: z.string() });
const warningSchema = z.object({ summary: z.string() });
const reroutedSchema = z.object({ fromModel: z.string(), toModel: z.string() });

/** What a notification tells. */
export function readNotification(method: string, params: unknown): CodexEvent {
  const told = read(method, params);
  if (told) return told;
  return told === null || !NOTHING_TO_TELL.test(method) ? { kind: "unknown", name: method } : NOTHING;
}

/** Null where it has another form than it should have; undefined where it is none of these. */
function read(method: string, params: unknown): CodexEvent | null | undefined {
  switch (method) {
    case "item/started":
    case "item/completed":
      return readItem(method === "item/started" ? "started" : "completed", params);
    case "item/commandExecution/outputDelta":
      return parsed(outputSchema, params, ({ itemId, delta }) => ({ kind: "output", itemId, text: delta }));
    case "turn/plan/updated":
      return parsed(planSchema, params, ({ threadId, plan }) => ({ kind: "plan", threadId, steps: plan }));
    case "thread/tokenUsage/updated":
      return parsed(usageSchema, params, ({ threadId, turnId, tokenUsage }) => ({ kind: "usage", threadId, turnId, total: tokenUsage.total }));
    case "turn/completed":
      return parsed(overSchema, params, ({ turn: { id, status: how, error } }) => ({ kind: "over", turnId: id, status: how, error: error ?? undefined }));
    case "error":
      // The last one is in the turn's end.
      return parsed(retrySchema, params, ({ willRetry, error }) => (willRetry ? { kind: "notice", text: textOf(error) } : NOTHING));
    case "warning":
    case "guardianWarning":
      return parsed(messageSchema, params, ({ message }) => noticeOf(message));
    case "configWarning":
      return parsed(warningSchema, params, ({ summary }) => noticeOf(summary));
    case "model/rerouted":
      return parsed(reroutedSchema, params, ({ fromModel, toModel }) => ({
        kind: "notice",
        text: `The vendor answers with ${toModel} in place of ${fromModel}.`,
      }));
    default:
      return undefined;
  }
}

function parsed<Schema extends z.ZodType>(schema: Schema, params: unknown, tell: (data: z.output<Schema>) => CodexEvent): CodexEvent | null {
  const result = schema.safeParse(params);
  return result.success ? tell(result.data) : null;
}

function readItem(moment: ItemMoment, params: unknown): CodexEvent {
  const { data } = itemSchema.safeParse(params);
  if (!data) return { kind: "unknown", name: "item" };
  const { type } = data.item;
  if (ITEMS_LEFT_OUT.has(type)) return NOTHING;
  const item = Object.hasOwn(ITEM_SCHEMAS, type) ? ITEM_SCHEMAS[type as ItemType].safeParse(data.item).data : undefined;
  return item ? { kind: "item", moment, threadId: data.threadId, item: { type, ...item } as Item } : { kind: "unknown", name: `item ${type}` };
}

function textOf({ message, additionalDetails }: z.output<typeof errorSchema>): string {
  return additionalDetails ? `${message} (${additionalDetails})` : message;
}

/** The id of the thread that was opened; undefined where the answer has none. */
export function openedThread(result: unknown): string | undefined {
  return z.object({ thread: z.object({ id: threadIdSchema }) }).safeParse(result).data?.thread.id;
}

/** The id of the turn that has begun; undefined where the answer has none. */
export function begunTurn(result: unknown): string | undefined {
  return z.object({ turn: z.object({ id: z.string() }) }).safeParse(result).data?.turn.id;
}

/** Codex brings a bubblewrap of its own where the machine, or an image, has none: nothing is missing, and it is in a sandbox already. */
const OWN_BUBBLEWRAP = /could not find bubblewrap on PATH/i;

function noticeOf(text: string): CodexEvent {
  return OWN_BUBBLEWRAP.test(text) ? NOTHING : { kind: "notice", text };
}
