import { cutText, endOfText } from "@slipway/backend-sdk/text-limit";
import { pathInWorkspace } from "@slipway/backend-sdk/workspace-path";
import type { AgentEvent } from "@slipway/protocol/events";
import { BoundedText } from "./bounded-text.ts";
import { type ToolContent, type ToolUpdate, terminalDeltaSchema } from "./update-schemas.ts";

/** Of one tool call. */
const CHANGES_LIMIT = 1_000;
/** Kinds of tools that change the files that they name. */
const CHANGES_BY_KIND: Readonly<Record<string, "modified" | "deleted">> = { edit: "modified", delete: "deleted" };

/** Where a turn's events and its raw output go. */
export interface Output {
  emit(event: AgentEvent): void;
  log(stream: string, bytes: Uint8Array): void;
}

export interface ToolCallsOptions extends Output {
  readonly turn: number;
  readonly workspace: string;
  readonly toolName?: RegExp | undefined;
}

type Call = Omit<ToolUpdate, "content"> & { readonly content?: ToolContent[] | undefined };

/** A call that is not over yet. */
interface OpenCall {
  readonly call: Call;
  readonly isTold: boolean;
  /** What its command printed so far, of an agent that tells it in pieces. */
  readonly terminal: BoundedText;
}

/** Tells tool calls as events. An agent tells one in pieces: what it will do often comes after its beginning. */
export class ToolCalls {
  readonly #options: ToolCallsOptions;
  readonly #open = new Map<string, OpenCall>();
  readonly #ended = new Set<string>();

  constructor(options: ToolCallsOptions) {
    this.#options = options;
  }

  take(update: ToolUpdate): void {
    const id = update.toolCallId;
    if (this.#ended.has(id)) return;
    const before = this.#open.get(id);
    const call = before ? merged(before.call, update) : this.#named(update);
    const isOver = call.status === "completed" || call.status === "failed";
    const isTold = before?.isTold === true || isOver || (call.status !== "pending" && hasInput(call.rawInput));
    if (isTold && before?.isTold !== true) this.#tell(call);
    const terminal = before?.terminal ?? new BoundedText("");
    terminal.add(terminalOutputIn(update));
    this.#open.set(id, { call, isTold, terminal });
    if (!isOver) return;
    this.#open.delete(id);
    this.#ended.add(id);
    this.#finish(call, terminal.toString());
  }

  /** A call that is asked leave for, whose arguments are known now; answers the event's id of it. */
  asked(update: ToolUpdate): string {
    const { status: _, ...said } = update;
    const before = this.#open.get(update.toolCallId);
    const call = before ? merged(before.call, { ...said, status: undefined }) : this.#named(update);
    if (before?.isTold !== true && !this.#ended.has(update.toolCallId)) this.#tell(call);
    this.#open.set(update.toolCallId, { call, isTold: true, terminal: before?.terminal ?? new BoundedText("") });
    return this.#idOf(call);
  }

  #tell(call: Call): void {
    this.#options.emit({ kind: "tool-call", data: { callId: this.#idOf(call), name: nameOf(call), input: inputOf(call) } });
  }

  #finish(call: Call, terminal: string): void {
    const output = outputOf(call) || terminal;
    if (call.kind === "execute" && output !== "") this.#options.log("shell", Buffer.from(`${output}\n`));
    const isError = call.status === "failed" || isFailedCommand(call.rawOutput);
    if (!isError) this.#tellChanges(call);
    this.#options.emit({ kind: "tool-result", data: { callId: this.#idOf(call), output: endOfText(output), isError } });
  }

  #tellChanges(call: Call): void {
    const callId = this.#idOf(call);
    const diffs = (call.content ?? []).filter((content) => content.type === "diff");
    const byKind = CHANGES_BY_KIND[call.kind ?? ""];
    const told = diffs.map(({ path, oldText }) => ({ path, change: oldText === null || oldText === undefined ? ("added" as const) : ("modified" as const) }));
    const named = byKind && diffs.length === 0 ? (call.locations ?? []).map(({ path }) => ({ path, change: byKind })) : [];
    for (const { path, change } of [...told, ...named].slice(0, CHANGES_LIMIT)) {
      this.#options.emit({ kind: "file-change", data: { callId, path: pathInWorkspace(this.#options.workspace, path), change } });
    }
  }

  /** With the tool's own name, where the agent tells it; else the first title, where that is one word: later ones tell what the tool does. */
  #named(call: Call): Call {
    const told = call.name ?? [call._meta?.["toolName"], call._meta?.["tool_name"]].find((name) => typeof name === "string");
    const word = call.title !== undefined && /^[\w.:-]{1,100}$/.test(call.title) ? call.title : undefined;
    const name = told || this.#options.toolName?.exec(call.toolCallId)?.[1] || word;
    return name ? { ...call, name } : call;
  }

  /** Some agents count their calls anew in every turn. */
  #idOf({ toolCallId }: Call): string {
    return `turn-${this.#options.turn}-${toolCallId}`.slice(0, 200);
  }
}

/** What an update leaves out stays as it was. */
function merged(call: Call, update: Call): Call {
  const said = Object.entries(update).filter(([name, value]) => value !== undefined && !(name === "rawInput" && !hasInput(value)));
  return { ...call, ...Object.fromEntries(said) };
}

function hasInput(input: unknown): boolean {
  return typeof input === "object" && input !== null ? Object.keys(input).length > 0 : input !== undefined && input !== null && input !== "";
}

function nameOf({ name, kind }: Call): string {
  return (name || kind || "tool").slice(0, 200);
}

function inputOf({ rawInput, title }: Call): unknown {
  if (!hasInput(rawInput)) return title === undefined ? {} : { title: cutText(title) };
  const json = JSON.stringify(rawInput);
  const cut = cutText(json);
  return cut === json ? rawInput : { cut };
}

function outputOf({ content = [], rawOutput }: Call): string {
  const texts = content.flatMap((one) => {
    if (one.type === "content") return one.content.text ?? one.content.resource?.text ?? [];
    return one.type === "diff" ? `${one.oldText === null || one.oldText === undefined ? "add" : "edit"} ${one.path}` : [];
  });
  if (texts.length > 0) return texts.join("\n");
  if (rawOutput === undefined || rawOutput === null) return "";
  return typeof rawOutput === "string" ? rawOutput : JSON.stringify(rawOutput);
}

/** Of a client's terminals, Zed's way (https://zed.dev): a command's output beside the update, in pieces. */
function terminalOutputIn({ _meta }: ToolUpdate): string {
  const { data } = terminalDeltaSchema.safeParse(_meta);
  return data?.terminal_output_delta.data ?? "";
}

/** Agents call a command completed that ended with another exit than 0; some of them tell the exit. */
function isFailedCommand(rawOutput: unknown): boolean {
  if (typeof rawOutput !== "object" || rawOutput === null) return false;
  const { exitCode, exit_code, metadata } = rawOutput as { exitCode?: unknown; exit_code?: unknown; metadata?: { exit?: unknown } | null };
  const exit = exitCode ?? exit_code ?? metadata?.exit;
  return typeof exit === "number" && exit !== 0;
}
