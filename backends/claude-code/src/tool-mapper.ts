import { cutText, endOfText } from "@slipway/backend-sdk/text-limit";
import { pathInWorkspace } from "@slipway/backend-sdk/workspace-path";
import type { AgentEvent } from "@slipway/protocol/events";
import { z } from "zod";
import type { Block } from "./claude-events.ts";

/** Where events and log go. */
export interface Output {
  emit(event: AgentEvent): void;
  log(stream: string, bytes: Uint8Array): void;
}

/** Files that one result may name; the commit tells all. */
const FILES_LIMIT = 200;
const PLAN_LIMIT = 200;

const fileSchema = z.object({ filePath: z.string(), type: z.string().nullish() });
const shellSchema = z.object({
  bashEditDiff: z.object({ files: z.array(z.object({ filePath: z.string(), created: z.boolean().nullish(), deleted: z.boolean().nullish() })) }),
});
const todosSchema = z.object({ todos: z.array(z.object({ content: z.string(), status: z.string() })) });
const EDITORS = new Set(["Edit", "MultiEdit", "NotebookEdit", "Write"]);
const PLAN_STATUS = { completed: "done", in_progress: "active" } as const;

/** Tells of tools: their calls, results, the files that they changed, and the plan. */
export class ToolMapper {
  readonly #workspace: string;
  readonly #output: Output;
  /** Names of the tools that are at work, by the ids of their calls. */
  readonly #open = new Map<string, string>();

  constructor(workspace: string, output: Output) {
    this.#workspace = workspace;
    this.#output = output;
  }

  /** Whether a tool is at work, and not the model. */
  get isBusy(): boolean {
    return this.#open.size > 0;
  }

  call({ id, name, input }: Block): void {
    const callId = (id ?? "unknown").slice(0, 200);
    const tool = (name ?? "unknown").slice(0, 200);
    this.#open.set(callId, tool);
    const plan = tool === "TodoWrite" ? todosSchema.safeParse(input).data : undefined;
    if (plan) this.#output.emit({ kind: "plan", data: { items: plan.todos.slice(0, PLAN_LIMIT).map(toItem) } });
    this.#output.emit({ kind: "tool-call", data: { callId, name: tool, input: bounded(input) } });
  }

  /** `known` is what Claude Code itself says of the result; it belongs to it where it is the only one of its line. */
  result(block: Block, known: unknown): void {
    const callId = (block.tool_use_id ?? "unknown").slice(0, 200);
    const tool = this.#open.get(callId) ?? "";
    this.#open.delete(callId);
    const output = textOf(block.content);
    if (tool === "Bash" && output !== "") this.#output.log("shell", Buffer.from(`${output}\n`));
    this.#output.emit({ kind: "tool-result", data: { callId, output: endOfText(output), isError: block.is_error === true } });
    for (const { path, change } of changesOf(tool, known)) {
      this.#output.emit({ kind: "file-change", data: { path: pathInWorkspace(this.#workspace, path), change, callId } });
    }
  }
}

function toItem({ content, status }: { content: string; status: string }): { text: string; status: "open" | "active" | "done" } {
  return { text: cutText(content), status: Object.hasOwn(PLAN_STATUS, status) ? PLAN_STATUS[status as keyof typeof PLAN_STATUS] : "open" };
}

type Change = Extract<AgentEvent, { kind: "file-change" }>["data"]["change"];

function changesOf(tool: string, known: unknown): Array<{ path: string; change: Change }> {
  if (EDITORS.has(tool)) {
    const { data } = fileSchema.safeParse(known);
    return data ? [{ path: data.filePath, change: data.type === "create" ? "added" : "modified" }] : [];
  }
  if (tool !== "Bash") return [];
  const files = shellSchema.safeParse(known).data?.bashEditDiff.files ?? [];
  return files
    .slice(0, FILES_LIMIT)
    .map(({ filePath, created, deleted }) => ({ path: filePath, change: created ? "added" : deleted ? "deleted" : "modified" }));
}

/** Input that is too long for an event becomes its beginning. */
function bounded(input: unknown): unknown {
  const text = JSON.stringify(input) ?? "";
  return text.length === cutText(text).length ? input : cutText(text);
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return content === undefined || content === null ? "" : JSON.stringify(content);
  return content.map((part: { type?: unknown; text?: unknown }) => (typeof part?.text === "string" ? part.text : `(${String(part?.type)})`)).join("\n");
}
