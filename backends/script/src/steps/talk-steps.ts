import { setImmediate, setTimeout } from "node:timers/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import type { StepContext, StepSummary } from "./step-context.ts";
import type { StepInput } from "./step-schemas.ts";

export async function print(input: StepInput<"print">, context: StepContext): Promise<StepSummary> {
  context.say({ kind: "message", data: { role: input.role, text: context.fill(input.text) } });
  return undefined;
}

export async function log(input: StepInput<"log">, context: StepContext): Promise<StepSummary> {
  context.turn.log(input.stream, Buffer.from(input.encoding === "base64" ? input.text : context.fill(input.text), input.encoding));
  return undefined;
}

export async function plan(input: StepInput<"plan">, context: StepContext): Promise<StepSummary> {
  context.say({ kind: "plan", data: { items: input } });
  return undefined;
}

export async function usage(input: StepInput<"usage">, context: StepContext): Promise<StepSummary> {
  context.say({ kind: "usage", data: input });
  return undefined;
}

export async function silent(input: StepInput<"silent">, context: StepContext): Promise<StepSummary> {
  context.setSilent(input);
  return undefined;
}

export async function fail(input: StepInput<"fail">): Promise<StepSummary> {
  throw new SlipwayError(input.code, input.message, input.details);
}

/** Bytes that a flood without a rate writes before it lets others run. */
const FLOOD_BATCH_BYTES = 65_536;
/** How often a flood with a rate writes, in ms. */
const FLOOD_INTERVAL_MS = 10;

/** Numbered lines of one length, `line 1 xxxx`, so that a reader can tell whether one is missing. */
export async function flood(input: StepInput<"flood">, context: StepContext): Promise<StepSummary> {
  const { signal } = context.turn;
  const startedAt = performance.now();
  for (let written = 0; written < input.lines; ) {
    signal.throwIfAborted();
    const due = input.linesPerSecond === undefined ? written + Math.ceil(FLOOD_BATCH_BYTES / input.lineBytes) : dueLines(input.linesPerSecond, startedAt);
    const until = Math.min(due, input.lines);
    if (until > written) context.turn.log(input.stream, floodLines(written, until, input.lineBytes));
    written = Math.max(until, written);
    if (input.linesPerSecond === undefined) await setImmediate();
    else if (written < input.lines) await setTimeout(FLOOD_INTERVAL_MS, undefined, { signal });
  }
  return `${input.lines} lines of ${input.lineBytes} bytes`;
}

function dueLines(linesPerSecond: number, startedAt: number): number {
  return Math.floor(((performance.now() - startedAt + FLOOD_INTERVAL_MS) / 1_000) * linesPerSecond);
}

function floodLines(from: number, until: number, lineBytes: number): Buffer {
  const lines: string[] = [];
  for (let index = from; index < until; index += 1) lines.push(`${`line ${index + 1} `.padEnd(lineBytes - 1, "x")}\n`);
  return Buffer.from(lines.join(""));
}
