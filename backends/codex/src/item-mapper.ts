import { cutText, endOfText } from "@slipway/backend-sdk/text-limit";
import { pathInWorkspace } from "@slipway/backend-sdk/workspace-path";
import type { AgentEvent } from "@slipway/protocol/events";
import type { Item, ItemMoment } from "./codex-events.ts";

const PLAN_LIMIT = 200;
/** Of one patch. */
const CHANGES_LIMIT = 1_000;
const STATUSES: Readonly<Record<string, "done" | "open">> = { completed: "done" };

type CommandItem = Extract<Item, { type: "commandExecution" }>;
type ToolItem = Exclude<Item, { type: "agentMessage" | "reasoning" | "userMessage" }>;

/** Where a turn's events and its raw output go. */
export interface Output {
  emit(event: AgentEvent): void;
  log(stream: string, bytes: Uint8Array): void;
}

/** Tells what Codex says of its items as agent events. An item comes twice: when it has started and when it is completed. */
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
      case "agentMessage":
        if (moment === "completed") this.#message("agent", item.text);
        return;
      case "reasoning":
        // What the vendor lets people see, where it is not the whole.
        if (moment === "completed") this.#message("reasoning", (item.summary.length > 0 ? item.summary : item.content).join("\n\n"));
        return;
      case "userMessage":
        return;
      default:
        this.#tool(moment, item);
    }
  }

  /** The id of a call in events. */
  callId(itemId: string): string {
    // Some models count their calls anew in every turn.
    return `turn-${this.#turn}-${itemId}`.slice(0, 200);
  }

  tellPlan(steps: ReadonlyArray<{ step: string; status: string }>): void {
    const shown = steps.slice(0, PLAN_LIMIT).map(({ step, status }) => ({ text: cutText(step), status: STATUSES[status] ?? ("open" as const) }));
    const plan = JSON.stringify(shown);
    if (plan !== this.#plan) this.#output.emit({ kind: "plan", data: { items: shown } });
    this.#plan = plan;
  }

  /** A piece of a running command's output. */
  logOutput(itemId: string, text: string): void {
    this.#output.log("shell", Buffer.from(text));
    this.#logged.set(itemId, (this.#logged.get(itemId) ?? 0) + text.length);
  }

  #message(role: "agent" | "reasoning", text: string): void {
    if (text !== "") this.#output.emit({ kind: "message", data: { role, text: cutText(text) } });
  }

  #tool(moment: ItemMoment, item: ToolItem): void {
    const callId = this.callId(item.id);
    const { name, input, output, isError } = describe(item);
    if (!this.#called.has(callId)) {
      this.#called.add(callId);
      this.#output.emit({ kind: "tool-call", data: { callId, name: name.slice(0, 200), input } });
    }
    if (moment !== "completed") return;
    if (item.type === "commandExecution") this.#logRest(item);
    if (item.type === "fileChange" && !isError) this.#tellChanges(callId, item.changes);
    this.#output.emit({ kind: "tool-result", data: { callId, output: cutText(output), isError } });
  }

  #tellChanges(callId: string, changes: Extract<Item, { type: "fileChange" }>["changes"]): void {
    for (const { kind, path } of changes.slice(0, CHANGES_LIMIT)) {
      const change = ({ add: "added", delete: "deleted" } as const)[kind.type as "add" | "delete"] ?? "modified";
      this.#output.emit({ kind: "file-change", data: { callId, path: pathInWorkspace(this.#workspace, path), change } });
    }
  }

  /** A command that was quick has told its output in no pieces. */
  #logRest({ id, aggregatedOutput }: CommandItem): void {
    const rest = (aggregatedOutput ?? "").slice(this.#logged.get(id) ?? 0);
    if (rest !== "") this.#output.log("shell", Buffer.from(rest));
    this.#logged.delete(id);
  }
}

interface Described {
  readonly name: string;
  readonly input: unknown;
  readonly output: string;
  readonly isError: boolean;
}

function describe(item: ToolItem): Described {
  const hasFailed = "status" in item && item.status !== "completed" && item.status !== "inProgress";
  switch (item.type) {
    case "commandExecution": {
      const { command, aggregatedOutput, exitCode, status } = item;
      const exit = exitCode === null || exitCode === undefined ? `no exit (${status})` : `exit ${exitCode}`;
      return { name: "shell", input: { command: cutText(command) }, output: `${exit}\n${endOfText(aggregatedOutput ?? "")}`, isError: exitCode !== 0 };
    }
    case "fileChange": {
      const changes = item.changes.map(({ kind, path }) => ({ kind: kind.type, path }));
      return { name: "apply_patch", input: { changes }, output: changes.map(({ kind, path }) => `${kind} ${path}`).join("\n"), isError: hasFailed };
    }
    case "mcpToolCall": {
      const { server, tool, arguments: input, result, error } = item;
      return { name: `${server}.${tool}`, input, output: error?.message ?? (JSON.stringify(result) || ""), isError: Boolean(error) || hasFailed };
    }
    case "webSearch":
      return { name: "web_search", input: { query: item.query }, output: "", isError: false };
    case "imageView":
      return { name: "view_image", input: { path: item.path }, output: "", isError: false };
    case "collabAgentToolCall": {
      const states = Object.values(item.agentsStates).map(({ status, message }) => [String(status), message].filter(Boolean).join(": "));
      return { name: item.tool, input: item.prompt ? { prompt: cutText(item.prompt) } : {}, output: states.join("\n"), isError: hasFailed };
    }
  }
}
