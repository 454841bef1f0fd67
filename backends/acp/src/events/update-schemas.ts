import { z } from "zod";

/**
 * What an agent tells of its session, by the kind of update (https://agentclientprotocol.com/protocol/schema, version 1). Loose on purpose: what is wrong in
 * one field costs that field, not the update.
 */

const text = z.string().catch("");
const optionalText = z.string().optional().catch(undefined);

const blockSchema = z.object({ type: text, text: optionalText, resource: z.object({ text: optionalText }).optional().catch(undefined) });

const contentSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("content"), content: blockSchema }),
  z.object({ type: z.literal("diff"), path: z.string(), oldText: z.string().nullish().catch(null), newText: text }),
  z.object({ type: z.literal("terminal"), terminalId: text }),
]);
export type ToolContent = z.output<typeof contentSchema>;

/** What is none of the known contents is left out. */
const contentsSchema = z.array(contentSchema.or(z.unknown().transform(() => undefined))).transform((all) => all.filter((one) => one !== undefined));

export const toolSchema = z.object({
  toolCallId: z.string().min(1),
  title: optionalText,
  name: optionalText,
  kind: optionalText,
  status: optionalText,
  content: contentsSchema.optional().catch(undefined),
  locations: z
    .array(z.object({ path: z.string() }))
    .optional()
    .catch(undefined),
  rawInput: z.unknown().optional(),
  rawOutput: z.unknown().optional(),
  _meta: z.record(z.string(), z.unknown()).optional().catch(undefined),
});
export type ToolUpdate = z.output<typeof toolSchema>;

/** What an agent that would show a terminal puts into `_meta`. */
export const terminalDeltaSchema = z.object({ terminal_output_delta: z.object({ data: z.string() }) });

export const chunkSchema = z.object({ content: blockSchema, messageId: optionalText });

const PLAN_STATUS = { pending: "open", in_progress: "active", completed: "done" } as const;
export const planSchema = z.object({
  entries: z.array(
    z.object({
      content: text,
      status: z
        .enum(["pending", "in_progress", "completed"])
        .catch("pending")
        .transform((status) => PLAN_STATUS[status]),
    }),
  ),
});

export const noticeSchema = z.object({ level: text, severity: text, message: text, text, content: z.unknown().optional() });

/** The parameters around an update. */
export const updateSchema = z.object({ sessionId: text, update: z.looseObject({ sessionUpdate: z.string() }) });

/** Updates that say nothing about the work: what a person could choose, how full the context is, what the session is called. */
export const QUIET_UPDATES: ReadonlySet<string> = new Set([
  "available_commands_update",
  "current_mode_update",
  "config_option_update",
  "session_info_update",
  "usage_update",
  "user_message_chunk",
  "compaction_update",
  "compaction_summary_chunk",
]);
