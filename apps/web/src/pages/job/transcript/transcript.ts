import type { JobEvent } from "@slipway/protocol/events";

type DataOf<K extends JobEvent["kind"]> = Extract<JobEvent, { kind: K }>["data"];

/** One thing that was said or done. */
export type Entry = { readonly seq: number; readonly at: number } & (
  | { readonly kind: "message"; readonly role: DataOf<"message">["role"]; readonly text: string }
  | { readonly kind: "tool"; readonly name: string; readonly input: unknown; readonly result: { readonly output: string; readonly isError: boolean } | null }
  | { readonly kind: "plan"; readonly items: DataOf<"plan">["items"] }
  | { readonly kind: "file"; readonly changes: ReadonlyArray<Pick<DataOf<"file-change">, "path" | "change">> }
  | { readonly kind: "permission"; readonly data: DataOf<"permission"> }
  | { readonly kind: "notice"; readonly data: DataOf<"notice"> }
  | { readonly kind: "calls"; readonly calls: readonly DataOf<"model-call">[] }
  | { readonly kind: "stalled"; readonly data: DataOf<"stalled"> }
  | { readonly kind: "judged"; readonly tone: "ok" | "warn" | "bad"; readonly text: string; readonly findings: readonly string[] }
  | { readonly kind: "gap"; readonly data: DataOf<"gap"> }
);

/** A turn, or what was before the first one or between two. */
export interface TranscriptTurn {
  readonly key: string;
  readonly fence: number | null;
  /** 0 for what is no turn. */
  readonly turn: number;
  readonly reason: DataOf<"turn">["reason"] | null;
  readonly from: number;
  readonly to: number | null;
  readonly failedWith: string | null;
  readonly entries: readonly Entry[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
interface OpenTurn extends Writable<Omit<TranscriptTurn, "entries">> {
  entries: Entry[];
}

/** What was said and done, by turns. A tool's result stands with its call; calls of models and files that follow each other are one entry. */
export function transcriptOf(events: readonly JobEvent[]): TranscriptTurn[] {
  const turns: OpenTurn[] = [];
  const tools = new Map<string, Writable<Extract<Entry, { kind: "tool" }>>>();
  for (const event of events) {
    if (event.kind === "turn") {
      takeTurn(turns, event);
      continue;
    }
    const last = turns.at(-1);
    if (event.kind === "tool-result") {
      const tool = tools.get(`${event.fence} ${event.data.callId}`);
      const result = { output: event.data.output, isError: event.data.isError };
      if (tool) tool.result = result;
      else add(turns, event, { kind: "tool", name: "a tool", input: undefined, result });
      continue;
    }
    if (event.kind === "tool-call") {
      const tool = { seq: event.seq, at: event.at, kind: "tool" as const, name: event.data.name, input: event.data.input, result: null };
      tools.set(`${event.fence} ${event.data.callId}`, tool);
      open(turns, event).entries.push(tool);
      continue;
    }
    const before = last?.entries.at(-1);
    if (event.kind === "model-call" && before?.kind === "calls") last?.entries.splice(-1, 1, { ...before, calls: [...before.calls, event.data] });
    else if (event.kind === "file-change" && before?.kind === "file") last?.entries.splice(-1, 1, { ...before, changes: [...before.changes, event.data] });
    else {
      const entry = entryOf(event);
      if (entry) add(turns, event, entry);
    }
  }
  return turns;
}

function takeTurn(turns: OpenTurn[], { seq, at, fence, data }: Extract<JobEvent, { kind: "turn" }>): void {
  if (data.status === "started") {
    turns.push({ key: `${seq}`, fence, turn: data.turn, reason: data.reason, from: at, to: null, failedWith: null, entries: [] });
    return;
  }
  const turn = turns.findLast((one) => one.fence === fence && one.turn === data.turn);
  if (turn) Object.assign(turn, { to: at, failedWith: data.status === "failed" ? (data.code ?? "failed") : null });
}

type Told = Entry extends infer E ? (E extends Entry ? Omit<E, "seq" | "at"> : never) : never;

function add(turns: OpenTurn[], event: JobEvent, entry: Told): void {
  open(turns, event).entries.push({ seq: event.seq, at: event.at, ...entry } as Entry);
}

/** Where an event of this attempt belongs. */
function open(turns: OpenTurn[], { seq, at, fence }: JobEvent): OpenTurn {
  const last = turns.at(-1);
  if (last && (fence === null || last.fence === fence)) return last;
  const made: OpenTurn = { key: `${seq}`, fence, turn: 0, reason: null, from: at, to: null, failedWith: null, entries: [] };
  turns.push(made);
  return made;
}

function entryOf(event: JobEvent): Told | undefined {
  switch (event.kind) {
    case "message":
      return { kind: "message", role: event.data.role, text: event.data.text };
    case "plan":
      return { kind: "plan", items: event.data.items };
    case "file-change":
      return { kind: "file", changes: [event.data] };
    case "permission":
    case "notice":
    case "stalled":
    case "gap":
      return { kind: event.kind, data: event.data } as Told;
    case "model-call":
      return { kind: "calls", calls: [event.data] };
    case "gate":
      if (event.data.status === "started" || event.data.status === "skipped") return undefined;
      return {
        kind: "judged",
        tone: event.data.status === "passed" ? "ok" : "bad",
        text: `Gate ${event.data.name} ${event.data.status === "timed-out" ? "timed out" : event.data.status}`,
        findings: event.data.tests?.failing.map(({ name }) => name) ?? [],
      };
    case "check":
      if (event.data.passed && event.data.findings.length === 0) return undefined;
      return {
        kind: "judged",
        tone: event.data.passed ? "warn" : "bad",
        text: `Check ${event.data.name} ${event.data.passed ? "tells" : "says no"}`,
        findings: event.data.findings,
      };
    case "critic":
      return {
        kind: "judged",
        tone: event.data.verdict === "approve" ? "ok" : event.data.level === "required" ? "bad" : "warn",
        text: `Critic ${event.data.name} ${{ approve: "approves", reject: "says no", none: "has no verdict" }[event.data.verdict]}`,
        findings: [event.data.summary],
      };
    default:
      return undefined;
  }
}
