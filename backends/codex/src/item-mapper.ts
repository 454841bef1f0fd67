import { cutText, endOfText } from "@slipway/backend-sdk/text-limit";
import { pathInWorkspace } from "@slipway/backend-sdk/workspace-path";
import type { AgentEvent } from "@slipway/protocol/events";
import type { Item, ItemMoment } from "./codex-events.ts";

const PLAN_LIMIT = 200;
/** Of one patch. */
const CHANGES_LIMIT = 1_000;

type CommandItem = Extract<Item, { type: "command_execution" }>;

/** Where a turn's events and its raw output go. */
export interface Output {
  emit(event: AgentEvent): void;
  log(stream: string, bytes: Uint8Array): void;
}

/** Tells what Codex says of its items as agent events. An item comes up to three times: started, updated, completed. */
export class ItemMapper {
  readonly #turn: number;
  readonly #workspace: string;
  readonly #output: Output;
  readonly #called = new Set<string>();
  #plan = "";
  /** Characters of each running command's output that are in the log already. */
  readonly #logged = new Map<string, number>();

  constructor(turn: number, workspace: string, output: Output) {
    this.#turn = turn;
    this.#workspace = workspace;
    this.#output = output;
  }

  take(moment: ItemMoment, item: Item): void {
    switch (item.type) {
      case "agent_message":
      case "reasoning":
        if (moment === "completed") this.#message(item.type === "reasoning" ? "reasoning" : "agent", item.text);
        return;
      case "error":
        if (moment === "completed") this.#output.emit({ kind: "notice", data: { level: "warning", text: cutText(item.message) } });
        return;
      case "todo_list":
        this.#tellPlan(item.items);
        return;
      default:
        this.#tool(moment, item);
    }
  }

  #message(role: "agent" | "reasoning", text: string): void {
    if (text !== "") this.#output.emit({ kind: "message", data: { role, text: cutText(text) } });
  }

  #tellPlan(items: ReadonlyArray<{ text: string; completed: boolean }>): void {
    const shown = items.slice(0, PLAN_LIMIT).map(({ text, completed }) => ({ text: cutText(text), status: completed ? ("done" as const) : ("open" as const) }));
    // Codex tells the plan once more when the turn is over.
    const plan = JSON.stringify(shown);
    if (plan !== this.#plan) this.#output.emit({ kind: "plan", data: { items: shown } });
    this.#plan = plan;
  }

  #tool(moment: ItemMoment, item: Exclude<Item, { type: "agent_message" | "reasoning" | "error" | "todo_list" }>): void {
    // Codex counts its items from 0 in every turn.
    const callId = `turn-${this.#turn}-${item.id}`.slice(0, 200);
    const { name, input, output, isError } = describe(item);
    if (!this.#called.has(callId)) {
      this.#called.add(callId);
      this.#output.emit({ kind: "tool-call", data: { callId, name: name.slice(0, 200), input } });
    }
    if (item.type === "command_execution") this.#logNew(item);
    if (moment !== "completed") return;
    if (item.type === "file_change" && !isError) this.#tellChanges(callId, item.changes);
    this.#output.emit({ kind: "tool-result", data: { callId, output: cutText(output), isError } });
  }

  #tellChanges(callId: string, changes: Extract<Item, { type: "file_change" }>["changes"]): void {
    for (const { kind, path } of changes.slice(0, CHANGES_LIMIT)) {
      const change = ({ add: "added", delete: "deleted" } as const)[kind as "add" | "delete"] ?? "modified";
      this.#output.emit({ kind: "file-change", data: { callId, path: pathInWorkspace(this.#workspace, path), change } });
    }
  }

  #logNew({ id, aggregated_output: output }: CommandItem): void {
    const from = this.#logged.get(id) ?? 0;
    if (output.length > from) this.#output.log("shell", Buffer.from(output.slice(from)));
    this.#logged.set(id, output.length);
  }
}

interface ToolItem {
  readonly name: string;
  readonly input: unknown;
  readonly output: string;
  readonly isError: boolean;
}

function describe(item: Exclude<Item, { type: "agent_message" | "reasoning" | "error" | "todo_list" }>): ToolItem {
  switch (item.type) {
    case "command_execution": {
      const { command, aggregated_output, exit_code } = item;
      const exit = exit_code === null || exit_code === undefined ? `no exit (${item.status})` : `exit ${exit_code}`;
      return { name: "shell", input: { command: cutText(command) }, output: `${exit}\n${endOfText(aggregated_output)}`, isError: exit_code !== 0 };
    }
    case "file_change": {
      const output = item.changes.map(({ kind, path }) => `${kind} ${path}`).join("\n");
      return { name: "apply_patch", input: { changes: item.changes }, output, isError: item.status === "failed" };
    }
    case "mcp_tool_call": {
      const { server, tool, arguments: input, result, error, status } = item;
      return { name: `${server}.${tool}`, input, output: error?.message ?? (JSON.stringify(result) || ""), isError: Boolean(error) || status === "failed" };
    }
    case "web_search":
      return { name: "web_search", input: { query: item.query }, output: "", isError: false };
  }
}
