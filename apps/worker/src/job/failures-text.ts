import { COMPACT_LIMIT_BYTES, compactOutput } from "./compact-output.ts";
import { type Judge, mostImportantFirst } from "./finding-order.ts";
import { cutToBytes } from "./plain-text.ts";

/** A gate that said no, as the agent is told of it. */
export interface FailedGate {
  readonly name: string;
  readonly command: string;
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** Its output, whole or compacted already. */
  readonly output: string;
  /** What is known of it beyond this run, such as how it ends on the base. */
  readonly note?: string;
}

/** A check that refused the change, as the agent is told of it. */
export interface RefusedCheck {
  readonly check: string;
  /** What the prompt says above the findings, where it is no check that refuses. */
  readonly title?: string;
  readonly findings: readonly string[];
}

export const FAILURES_LIMIT_BYTES = COMPACT_LIMIT_BYTES;

const COMMAND_LIMIT_CHARS = 300;
/** Less than this says nothing about a failure. */
const SMALLEST_SHARE_BYTES = 600;

/** For the next turn's prompt: what failed, how, and what it said. At most FAILURES_LIMIT_BYTES, never without a failure's name. */
export function failuresText(failures: readonly FailedGate[]): string {
  // Room for the names of those that are not shown.
  const roomBytes = FAILURES_LIMIT_BYTES - 200;
  const shown = failures.slice(0, Math.max(1, Math.floor(roomBytes / SMALLEST_SHARE_BYTES)));
  const rest = failures.slice(shown.length);
  const parts: string[] = [];
  let leftBytes = roomBytes;
  for (const [index, failure] of shown.entries()) {
    const part = section(failure, Math.floor(leftBytes / (shown.length - index)));
    leftBytes -= Buffer.byteLength(part) + 2;
    parts.push(part);
  }
  if (rest.length > 0) parts.push(cutToBytes(`These failed too: ${rest.map((failure) => failure.name).join(", ")}`, 190));
  return parts.join("\n\n");
}

/** Without commands that would let an output close its own block early: the fence is longer than any in it. */
function section(failure: FailedGate, limitBytes: number): string {
  const command = failure.command.length > COMMAND_LIMIT_CHARS ? `${failure.command.slice(0, COMMAND_LIMIT_CHARS).toWellFormed()} […]` : failure.command;
  const how = failure.timedOut ? `did not end within ${Math.max(1, Math.round(failure.durationMs / 1_000))} s` : `ended with exit code ${failure.exitCode}`;
  const title = cutToBytes(
    `## Gate "${failure.name}" failed\n\`${command.replaceAll("\n", " ")}\` ${how}.${failure.note === undefined ? "" : ` Mind: ${failure.note}.`} Its output:`,
    Math.floor(limitBytes / 2),
  );
  const roomBytes = limitBytes - Buffer.byteLength(title) - 12;
  const output = compactOutput(failure.output, Math.max(20, roomBytes - 12));
  const fence = "`".repeat(Math.min(8, Math.max(3, longestFence(output) + 1)));
  return `${title}\n${fence}\n${output}\n${fence}`;
}

function longestFence(text: string): number {
  return Math.max(0, ...Array.from(text.matchAll(/`+/g), (match) => match[0].length));
}

/** The same for what checks refused, most important first: a line a finding, of each check as many as its share of the room holds. */
export function refusalsText(refusals: readonly RefusedCheck[]): string {
  const shareBytes = Math.floor(FAILURES_LIMIT_BYTES / Math.max(1, refusals.length)) - 2;
  return mostImportantFirst(refusals, judgeOf)
    .map(({ check, findings, title = `Check "${check}" refuses the change` }) =>
      cutToBytes(`## ${title}\n${findings.map((finding) => `- ${finding.replaceAll("\n", " ")}`).join("\n")}`, shareBytes),
    )
    .join("\n\n");
}

/** A remark refuses nothing, and so comes last. */
function judgeOf({ check, title }: RefusedCheck): Judge {
  if (check === "critic") return { by: "critic", severity: "broken" };
  return title === undefined ? { by: "check", name: check } : { by: "critic", severity: "style" };
}
