import { z } from "zod";
import { threadUsageSchema } from "./session.ts";

/** Events of `codex exec --json`, one a line, as release 0.169 prints them. More fields than these do no harm. */

const base = { id: z.string() };
const status = z.string().default("completed");

export const ITEM_SCHEMAS = {
  agent_message: z.object({ ...base, text: z.string() }),
  reasoning: z.object({ ...base, text: z.string() }),
  command_execution: z.object({ ...base, command: z.string(), aggregated_output: z.string().default(""), exit_code: z.int().nullish(), status }),
  file_change: z.object({ ...base, changes: z.array(z.object({ path: z.string(), kind: z.string() })), status }),
  mcp_tool_call: z.object({
    ...base,
    server: z.string(),
    tool: z.string(),
    arguments: z.unknown().optional(),
    result: z.unknown().optional(),
    error: z.looseObject({ message: z.string() }).nullish(),
    status,
  }),
  web_search: z.object({ ...base, query: z.string() }),
  todo_list: z.object({ ...base, items: z.array(z.object({ text: z.string(), completed: z.boolean() })) }),
  error: z.object({ ...base, message: z.string() }),
} as const;

export type ItemType = keyof typeof ITEM_SCHEMAS;
export type Item = { [T in ItemType]: { readonly type: T } & z.output<(typeof ITEM_SCHEMAS)[T]> }[ItemType];
export type ItemMoment = "started" | "updated" | "completed";

export type CodexEvent =
  | { readonly kind: "thread"; readonly threadId: string }
  | { readonly kind: "turn-started" }
  | { readonly kind: "item"; readonly moment: ItemMoment; readonly item: Item }
  | { readonly kind: "completed"; readonly usage: z.output<typeof threadUsageSchema> | undefined }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "error"; readonly message: string }
  /** Something that this backend does not know, or not in this form; `name` says what. */
  | { readonly kind: "unknown"; readonly name: string };

const threadSchema = z.object({ thread_id: z.uuid() });
const failedSchema = z.object({ error: z.object({ message: z.string() }) });
const errorSchema = z.object({ message: z.string() });

/** A line as an event; undefined where it is none at all. */
export function parseCodexEvent(line: string): CodexEvent | undefined {
  const raw = parseJson(line);
  if (typeof raw !== "object" || raw === null || !("type" in raw) || typeof raw.type !== "string") return undefined;
  const unknown = { kind: "unknown", name: raw.type } as const;
  switch (raw.type) {
    case "thread.started": {
      const { data } = threadSchema.safeParse(raw);
      return data ? { kind: "thread", threadId: data.thread_id } : unknown;
    }
    case "turn.started":
      return { kind: "turn-started" };
    case "turn.completed":
      return { kind: "completed", usage: z.object({ usage: threadUsageSchema }).safeParse(raw).data?.usage };
    case "turn.failed":
      // That it failed is sure, whatever form the reason has.
      return { kind: "failed", message: failedSchema.safeParse(raw).data?.error.message ?? "it did not say why" };
    case "error":
      return { kind: "error", message: errorSchema.safeParse(raw).data?.message ?? line };
    case "item.started":
    case "item.updated":
    case "item.completed":
      return parseItem(raw.type.slice("item.".length) as ItemMoment, "item" in raw ? raw.item : undefined);
    default:
      return unknown;
  }
}

function parseItem(moment: ItemMoment, raw: unknown): CodexEvent {
  const type = (raw as { type?: unknown } | undefined)?.type;
  if (typeof type !== "string") return { kind: "unknown", name: "item" };
  const { data } = Object.hasOwn(ITEM_SCHEMAS, type) ? ITEM_SCHEMAS[type as ItemType].safeParse(raw) : {};
  return data ? { kind: "item", moment, item: { type, ...data } as Item } : { kind: "unknown", name: `item ${type}` };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
