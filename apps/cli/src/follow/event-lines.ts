import { type AgentEvent, type EventBody, LOG_CHUNK_LIMIT_BYTES } from "@slipway/protocol/events";
import type { JobState } from "@slipway/protocol/states";
import { bytes, cut, duration, firstLine, plural, printable } from "../terminal/text.ts";
import { usageText } from "../terminal/usage-text.ts";
import { criticHeading, findingText, refusingFirst } from "./critic-text.ts";

/** How a line is shown; the screen turns it into a mark and a colour. */
export type Tone = "plain" | "dim" | "good" | "bad" | "warning" | "speech";

export interface EventLine {
  readonly tone: Tone;
  readonly text: string;
}

const SPEECH_LINES = 4;
const FINDINGS_SHOWN = 5;
/** A call of a tool is a hint of what goes on, not a record. */
const CALL_WIDTH = 60;
const TEXT_WIDTH = 400;

/**
 * What an event says to a person who follows a job: no line, one, or a few. Starts are silent where the end tells it all; `verbose` adds the
 * log and the small steps.
 */
export function eventLines(event: EventBody, verbose: boolean): EventLine[] {
  switch (event.kind) {
    case "state":
      return stateLines(event.data);
    case "phase":
      return phaseLines(event.data, verbose);
    case "turn":
      return turnLines(event.data);
    case "gate":
      return gateLines(event.data, verbose);
    case "gate-verdict":
      return verdictLines(event.data);
    case "check":
      return checkLines(event.data, verbose);
    case "critic":
      return criticLines(event.data, verbose);
    case "egress":
      return egressLines(event.data, verbose);
    case "stalled":
      return [stalledLine(event.data)];
    case "gap":
      return [line("warning", `gap: ${plural(event.data.droppedEvents, "event")} (${plural(event.data.droppedBytes, "byte")}) not kept: ${event.data.reason}`)];
    case "model-call":
      return modelCallLines(event.data, verbose);
    case "routing":
      return routingLines(event.data, verbose);
    default:
      return agentLines(event, verbose);
  }
}

function line(tone: Tone, text: string): EventLine {
  return { tone, text: cut(printable(text).replaceAll("\n", " "), TEXT_WIDTH) };
}

type DataOf<K extends EventBody["kind"]> = Extract<EventBody, { kind: K }>["data"];

/** Of an attempt without isolation: said by whatever shows one. */
const NO_SANDBOX = "sandbox: none – the agent runs without isolation, with all rights of the worker's user";

const STATE_TONES: Readonly<Record<JobState, Tone>> = {
  queued: "dim",
  running: "plain",
  integrating: "plain",
  blocked: "bad",
  done: "good",
  failed: "bad",
  cancelled: "warning",
};

function stateLines(data: DataOf<"state">): EventLine[] {
  const landed = data.landedOid ? ` ${data.landedOid.slice(0, 7)}${data.branch ? ` on ${data.branch}` : ""}` : "";
  if (data.to === "done") return [line("good", data.landedOid ? `landed${landed}` : `done: ${data.reason}`)];
  if (data.from === null) return [line("dim", "queued")];
  if (data.to === "running") return [line("plain", data.reason || "running"), ...(data.sandbox === "none" ? [line("warning", NO_SANDBOX)] : [])];
  const code = data.code ? ` ${data.code}` : "";
  return [line(data.to === "queued" ? "warning" : STATE_TONES[data.to], `${data.to}${code}${data.reason === "" ? "" : `: ${data.reason}`}`)];
}

/** The state that follows tells of these better than the phase. */
const QUIET_PHASES: ReadonlySet<string> = new Set(["cleanup", "turn", "gates", "baseline", "critic", "land"]);

/** What may take long without a word: its beginning is told. */
const TOLD_STARTS: ReadonlySet<string> = new Set(["setup", "critic", "verify"]);

/** A failing check or gate has had its own line. */
const QUIET_FAILURES: ReadonlySet<string> = new Set(["turn", "checks", "gates", "baseline", "critic"]);

function phaseLines(data: DataOf<"phase">, verbose: boolean): EventLine[] {
  const took = data.durationMs === undefined ? "" : ` ${duration(data.durationMs)}`;
  const detail = data.detail ? `  ${data.detail}` : "";
  // Why it failed is told by the job's state, which follows.
  if (data.status === "failed") return verbose || !QUIET_FAILURES.has(data.phase) ? [line("bad", `${data.phase} failed${took}${verbose ? detail : ""}`)] : [];
  const quiet = data.status === "started" ? !TOLD_STARTS.has(data.phase) : QUIET_PHASES.has(data.phase);
  if (!verbose && quiet) return [];
  return [line(data.status === "started" ? "dim" : "plain", data.status === "started" ? `${data.phase} …${detail}` : `${data.phase}${took}${detail}`)];
}

const TURN_REASONS = {
  task: "the task",
  repair: "repair what gates and checks found",
  revision: "revise what the critic found",
  nudge: "nudge, as the one before stalled",
} as const;

function turnLines(data: DataOf<"turn">): EventLine[] {
  // A critic is never before the first turn of an attempt.
  const reason = data.reason === "revision" && data.turn === 1 ? "revise what did not fit onto its target" : TURN_REASONS[data.reason];
  if (data.status === "started") return [line(data.reason === "task" ? "plain" : "warning", `turn ${data.turn}: ${reason}`)];
  return data.status === "failed" ? [line("bad", `turn ${data.turn} failed${data.code ? ` ${data.code}` : ""}`)] : [];
}

function stalledLine({ silentMs, cpuSeen, next }: DataOf<"stalled">): EventLine {
  const what = `stalled: nothing came from the agent for ${duration(silentMs)}${cpuSeen ? ", and nothing that it started was at work" : ""}`;
  return next === "nudge" ? line("warning", `${what}; it is asked once to go on`) : line("bad", `${what}, and it is given up`);
}

function gateLines(data: DataOf<"gate">, verbose: boolean): EventLine[] {
  const took = data.durationMs === undefined ? "" : ` ${duration(data.durationMs)}`;
  if (data.status === "started") return verbose ? [line("dim", `gate ${data.name} …`)] : [];
  if (data.status === "passed")
    return [line(data.flaky ? "warning" : "good", `gate ${data.name} passed${data.flaky ? " when it was run again: flaky" : ""}${took}`)];
  if (data.unconcerned) return [line("dim", `gate ${data.name} skipped: no changed path concerns it`)];
  if (data.status === "skipped") return [line("dim", `gate ${data.name} skipped: it needs ${data.because ?? "another one"}`)];
  const how = data.status === "timed-out" ? "timed out" : `failed${typeof data.exitCode === "number" ? ` (exit ${data.exitCode})` : ""}`;
  return [line("bad", `gate ${data.name} ${how}${failingText(data.tests)}${took}`)];
}

/** Which tests failed: how many of how many, and the first with its place. */
function failingText(tests: DataOf<"gate">["tests"]): string {
  if (!tests || tests.failed === 0) return "";
  const of = tests.passed === undefined ? "" : ` of ${tests.passed + tests.failed}`;
  const count = `${tests.failed}${of} ${(tests.passed ?? 0) + tests.failed === 1 ? "test" : "tests"}`;
  const [first] = tests.failing;
  if (!first) return `: ${count},`;
  const place = first.file === undefined ? "" : ` ${first.file}${first.line === undefined ? "" : `:${first.line}`}`;
  return `: ${count},${tests.failed === 1 ? "" : " first"}${place} ${cut(first.name, 100)},`;
}

function verdictLines({ name, verdict, detail }: DataOf<"gate-verdict">): EventLine[] {
  const why = detail === undefined ? "" : `: ${detail}`;
  const text = {
    new: `gate ${name} counts against this change`,
    before: `gate ${name} was red before this job`,
    flaky: `gate ${name} is flaky`,
    quarantined: `gate ${name} is quarantined`,
  };
  return [line(verdict === "new" ? "bad" : "warning", `${text[verdict]}${why}`)];
}

function checkLines(data: DataOf<"check">, verbose: boolean): EventLine[] {
  const found = `${data.findings.slice(0, FINDINGS_SHOWN).join(" ")}${data.findings.length > FINDINGS_SHOWN ? " …" : ""}`;
  if (!data.passed) return [line("bad", `check ${data.name} says no: ${found}`)];
  if (data.findings.length > 0) return [line("warning", `check ${data.name}: ${found}`)];
  return verbose ? [line("good", `check ${data.name} passed`)] : [];
}

/** What refuses is told, and with `verbose` all else that it found. */
function criticLines(data: DataOf<"critic">, verbose: boolean): EventLine[] {
  const tone: Tone = data.verdict === "approve" ? "good" : data.level === "required" ? "bad" : "warning";
  const found = refusingFirst(data);
  const told = verbose ? found : data.verdict === "approve" ? [] : found.slice(0, FINDINGS_SHOWN);
  const more = data.verdict === "reject" ? found.length - told.length : 0;
  return [
    line(tone, criticHeading(data)),
    ...told.map((finding) => line(finding.refuses ? tone : "dim", findingText(finding))),
    ...(more > 0 ? [line("dim", `(${plural(more, "more finding")}; \`slipway show\` has all)`)] : []),
  ];
}

function egressLines(data: DataOf<"egress">, verbose: boolean): EventLine[] {
  const what = `${data.phase}: ${data.host}:${data.port}`;
  if (data.status === "first" && !data.allowed) return [line("warning", `${what} refused: ${data.reason ?? "not allowed"}`)];
  if (!verbose) return [];
  if (data.status === "first") return [line("dim", `${what} reached`)];
  const moved = data.allowed ? `, ${bytes(data.sentBytes)} sent, ${bytes(data.receivedBytes)} received` : "";
  return [line("dim", `${what} ${data.allowed ? "reached" : "refused"}, ${plural(data.connections, "connection")}${moved}`)];
}

function modelCallLines(data: DataOf<"model-call">, verbose: boolean): EventLine[] {
  const text = `${data.model}: ${usageText(data.usage)}${data.estimated ? " (estimated)" : ""} ${duration(data.durationMs)}`;
  if (data.outcome === "failed")
    return [line("warning", `model call failed${data.code ? ` ${data.code}` : ""}${data.status === null ? "" : ` (${data.status})`}`)];
  return verbose ? [line("dim", text)] : [];
}

/** Which backend it is now and why; what was thought of the others with `verbose`. */
function routingLines({ cause, backend, from, candidates }: DataOf<"routing">, verbose: boolean): EventLine[] {
  const taken = candidates.find((candidate) => candidate.taken);
  const what = cause === "submit" ? `backend ${backend}` : `backend ${backend} takes over${from === null ? "" : ` from ${from}`}`;
  const others = candidates.filter((candidate) => candidate !== taken).map((candidate) => line("dim", `not ${candidate.backend}: ${candidate.reason}`));
  return [line(cause === "submit" ? "plain" : "warning", taken ? `${what}: ${taken.reason}` : what), ...(verbose ? others : [])];
}

function agentLines(event: AgentEvent, verbose: boolean): EventLine[] {
  switch (event.kind) {
    case "message":
      if (event.data.role === "user") return [line("plain", `message: ${firstLine(event.data.text)}`)];
      return event.data.role === "agent" || verbose ? speech(event.data.text, verbose) : [];
    case "tool-call":
      return [line("dim", cut(firstLine(`${event.data.name} ${inputText(event.data.input)}`), CALL_WIDTH))];
    case "tool-result":
      return event.data.isError || verbose ? [line(event.data.isError ? "warning" : "dim", firstLine(event.data.output))] : [];
    case "file-change":
      return verbose ? [line("dim", `${event.data.change} ${event.data.path}`)] : [];
    case "permission":
      if (event.data.answer === "denied") return [line("warning", `denied (${event.data.asked}): ${firstLine(event.data.text)}`)];
      return verbose ? [line("dim", `allowed (${event.data.asked}): ${firstLine(event.data.text)}`)] : [];
    case "plan":
      return [line("dim", `plan: ${event.data.items.filter((item) => item.status === "done").length} of ${event.data.items.length} done`)];
    case "notice":
      return [
        line({ info: "dim", warning: "warning", error: "bad" }[event.data.level] as Tone, `${event.data.code ? `${event.data.code}: ` : ""}${event.data.text}`),
      ];
    case "log":
      return verbose
        ? logText(event.data)
            .split("\n")
            .filter((text) => text.trim() !== "")
            .map((text) => line("dim", `${event.data.stream}: ${text}`))
        : [];
    case "usage":
      return [];
  }
}

function speech(text: string, verbose: boolean): EventLine[] {
  const lines = printable(text)
    .split("\n")
    .filter((part) => part.trim() !== "");
  const shown = verbose ? lines : lines.slice(0, SPEECH_LINES);
  const more = lines.length - shown.length;
  return [...shown.map((part) => line("speech", part)), ...(more > 0 ? [line("dim", `(${plural(more, "more line")}; \`slipway logs\` has all)`)] : [])];
}

/** What tells most about a call, under the names that agents' tools use. */
const TELLING_KEYS = ["command", "cmd", "path", "file_path", "pattern", "query", "url"];

function inputText(input: unknown): string {
  if (typeof input !== "object" || input === null) return String(input ?? "");
  const fields = input as Record<string, unknown>;
  const telling = TELLING_KEYS.map((key) => fields[key]).find((value) => typeof value === "string");
  return typeof telling === "string" ? telling : JSON.stringify(input);
}

/** The bytes of a log chunk. */
export function logBytes(data: DataOf<"log">): Buffer {
  return Buffer.from(data.text, data.encoding === "base64" ? "base64" : "utf8");
}

function logText(data: DataOf<"log">): string {
  return logBytes(data).toString("utf8").slice(0, LOG_CHUNK_LIMIT_BYTES);
}
