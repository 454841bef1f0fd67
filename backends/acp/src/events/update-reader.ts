import type { RequestPermissionRequest } from "@agentclientprotocol/sdk";
import { cutText } from "@slipway/backend-sdk/text-limit";
import { BoundedText } from "./bounded-text.ts";
import { type Output, ToolCalls } from "./tool-calls.ts";
import { chunkSchema, noticeSchema, planSchema, QUIET_UPDATES, toolSchema, updateSchema } from "./update-schemas.ts";

const PLAN_LIMIT = 200;

export interface UpdateReaderOptions extends Output {
  readonly turn: number;
  readonly workspace: string;
  /** See `Profile.toolName`. */
  readonly toolName?: RegExp | undefined;
  /** The agent's name, for people. */
  readonly title: string;
}

/** Tells what an agent says of one turn as agent events. Its messages come in pieces, and are told whole. */
export class UpdateReader {
  readonly #options: UpdateReaderOptions;
  readonly #tools: ToolCalls;
  readonly #unknown = new Set<string>();
  #message: { role: "agent" | "reasoning"; id: string | undefined; text: BoundedText } | undefined;
  #plan = "";
  /** The agent's last message. */
  finalText = "";

  constructor(options: UpdateReaderOptions) {
    this.#options = options;
    this.#tools = new ToolCalls(options);
  }

  /** The parameters of a `session/update`, whatever they are. */
  take(params: unknown): void {
    const { data } = updateSchema.safeParse(params);
    const kind = data?.update.sessionUpdate ?? "an update without a kind";
    if (!QUIET_UPDATES.has(kind) && !this.#takeKind(kind, data?.update)) this.#notKnown(kind);
  }

  /** The agent asks for leave to call a tool: its arguments are told now, whatever the answer will be. */
  /** Tells of the call that the agent asks leave for; answers the event's id of it. */
  asked({ toolCall }: RequestPermissionRequest): string | undefined {
    const { data } = toolSchema.safeParse(toolCall);
    if (!data) return undefined;
    this.#flush();
    return this.#tools.asked(data);
  }

  /** The turn is over; what was said and not told yet is told. */
  end(): void {
    this.#flush();
  }

  /** A warning for people. */
  warn(text: string): void {
    this.#options.emit({ kind: "notice", data: { level: "warning", text: text.slice(0, 20_000) } });
  }

  #takeKind(kind: string, update: unknown): boolean {
    switch (kind) {
      case "agent_message_chunk":
        return this.#chunk("agent", update);
      case "agent_thought_chunk":
        return this.#chunk("reasoning", update);
      case "tool_call":
      case "tool_call_update":
        return this.#tool(update);
      case "plan":
        return this.#tellPlan(update);
      case "notice":
        return this.#notice(update);
      default:
        return false;
    }
  }

  #chunk(role: "agent" | "reasoning", update: unknown): boolean {
    const { data } = chunkSchema.safeParse(update);
    if (!data) return false;
    const text = data.content.text ?? data.content.resource?.text ?? "";
    if (text === "") return true;
    const before = this.#message;
    if (before && before.role === role && before.id === data.messageId) before.text.add(text);
    else {
      this.#flush();
      this.#message = { role, id: data.messageId, text: new BoundedText(text) };
    }
    return true;
  }

  #tool(update: unknown): boolean {
    const { data } = toolSchema.safeParse(update);
    if (!data) return false;
    this.#flush();
    this.#tools.take(data);
    return true;
  }

  #tellPlan(update: unknown): boolean {
    const { data } = planSchema.safeParse(update);
    if (!data) return false;
    const items = data.entries.slice(0, PLAN_LIMIT).map(({ content, status }) => ({ text: cutText(content), status }));
    const plan = JSON.stringify(items);
    if (plan !== this.#plan) this.#options.emit({ kind: "plan", data: { items } });
    this.#plan = plan;
    return true;
  }

  #notice(update: unknown): boolean {
    const { data } = noticeSchema.safeParse(update);
    if (!data) return false;
    const level = (["info", "error"] as const).find((known) => known === data.level || known === data.severity) ?? "warning";
    const text = data.message || data.text || JSON.stringify(data.content ?? "");
    this.#options.emit({ kind: "notice", data: { level, text: cutText(text) } });
    return true;
  }

  #flush(): void {
    const message = this.#message;
    this.#message = undefined;
    if (!message) return;
    const text = message.text.toString();
    if (message.role === "agent") this.finalText = text;
    this.#options.emit({ kind: "message", data: { role: message.role, text } });
  }

  #notKnown(what: string): void {
    const name = what.slice(0, 100);
    if (!this.#unknown.has(name)) this.warn(`${this.#options.title} told of something that this backend does not know: ${name}.`);
    this.#unknown.add(name);
  }
}
