import { StringDecoder } from "node:string_decoder";
import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobView } from "@slipway/protocol/job";
import { type EventLine, eventLines, logBytes } from "../follow/event-lines.ts";
import { JobProgress } from "../follow/job-progress.ts";
import { printable } from "../terminal/text.ts";

/** Events of a job's end that are read when it is opened. */
const TAIL_EVENTS = 1_000;
/** Lines that are kept of it. */
const LINES = 5_000;
/** Of a stream without line ends, this much is kept as one line. */
const LINE_LIMIT = 10_000;

export interface PhaseRow {
  readonly name: string;
  readonly startedAt: number;
  /** Undefined while it goes on. */
  tookMs: number | undefined;
  failed: boolean;
}

/** One job, followed: its phases, how far it is, the end of its log. */
export class JobFeed {
  readonly progress = new JobProgress();
  readonly phases: PhaseRow[] = [];
  readonly lines: EventLine[] = [];
  /** Lines that came before the first that is kept. */
  dropped = 0;
  job: JobView | undefined;
  /** Whether there are events before those that were read. */
  isCut = false;
  error: string | undefined;
  readonly #client: Client;
  readonly #id: string;
  readonly #changed: () => void;
  readonly #streams = new Map<string, { readonly decoder: StringDecoder; rest: string }>();

  constructor(client: Client, id: string, changed: () => void) {
    this.#client = client;
    this.#id = id;
    this.#changed = changed;
  }

  /** Until the job is over or the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      this.job = (await this.#client.call("getJob", { params: { job: this.#id }, signal })).job;
      const after = Math.max(0, this.job.lastSeq - TAIL_EVENTS);
      this.isCut = after > 0;
      this.#changed();
      for await (const frame of this.#client.follow(this.#id, { after, signal })) {
        if (frame.type === "gap") this.#add({ tone: "warning", text: `events ${frame.fromSeq} to ${frame.nextSeq - 1} are no longer kept` });
        if (frame.type === "event") this.#see(frame.event);
        this.#changed();
      }
    } catch (error) {
      if (signal.aborted) return;
      this.error = error instanceof Error ? error.message : String(error);
      this.#changed();
    }
  }

  #see(event: JobEvent): void {
    this.progress.see(event, event.at);
    if (event.kind === "phase") this.#phase(event.data, event.at);
    if (event.kind === "log") this.#log(event.data);
    else for (const line of eventLines(event, event.kind === "gate" || event.kind === "message")) this.#add(line);
  }

  #phase({ phase, status, durationMs }: Extract<JobEvent, { kind: "phase" }>["data"], at: number): void {
    if (status === "started") {
      this.phases.push({ name: phase, startedAt: at, tookMs: undefined, failed: false });
      return;
    }
    const open = this.phases.findLast(({ name, tookMs }) => name === phase && tookMs === undefined);
    const row = open ?? { name: phase, startedAt: at - (durationMs ?? 0), tookMs: undefined, failed: false };
    if (!open) this.phases.push(row);
    row.tookMs = durationMs ?? Math.max(0, at - row.startedAt);
    row.failed = status === "failed";
  }

  #log(data: Extract<JobEvent, { kind: "log" }>["data"]): void {
    const known = this.#streams.get(data.stream) ?? { decoder: new StringDecoder("utf8"), rest: "" };
    this.#streams.set(data.stream, known);
    const parts = (known.rest + known.decoder.write(logBytes(data))).split("\n");
    known.rest = parts.pop() ?? "";
    if (known.rest.length > LINE_LIMIT) {
      parts.push(known.rest);
      known.rest = "";
    }
    // What a progress bar drew over counts as it stood in the end.
    for (const part of parts) this.#add({ tone: "plain", text: printable(part.replace(/\r$/, "").replace(/^.*\r/s, "")).slice(0, LINE_LIMIT) });
  }

  #add(line: EventLine): void {
    this.lines.push(line);
    if (this.lines.length < LINES * 1.2) return;
    const gone = this.lines.length - LINES;
    this.lines.splice(0, gone);
    this.dropped += gone;
  }
}
