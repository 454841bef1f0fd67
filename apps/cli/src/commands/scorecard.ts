import type { Client } from "@slipway/protocol/client";
import { type CoverageChange, coveragePercent, coveragePoints } from "@slipway/protocol/line-coverage";
import { SCORE_PARTS, type Scorecard, type ScorecardFacts } from "@slipway/protocol/scorecard";
import type { Screen } from "../terminal/screen.ts";
import { bytes, duration, plural, wrap } from "../terminal/text.ts";
import { spentText } from "../terminal/usage-text.ts";
import type { CommonOptions } from "./options.ts";
import { withReader } from "./reading.ts";

/** Prints how well a job went, part by part, and how each was counted. */
export async function printScorecard(screen: Screen, job: string, options: CommonOptions): Promise<void> {
  const card = await withReader(options, ({ client }) => client.call("getScorecard", { params: { job } }));
  screen.document(card);
  const { colors } = screen;
  screen.print(`${colors.bold(`job ${job}`)} · ${card.score === null ? "no score yet: it is not over" : colors.bold(`score ${card.score} of 100`)}`);
  const width = Math.max(...Object.keys(SCORE_PARTS).map((name) => name.length));
  for (const { name, share, most, how } of card.parts) {
    const points = share === null ? "  not counted" : `${(share * most).toFixed(1).padStart(5)} of ${most}`.padEnd(13);
    const lines = wrap(how, screen.width - width - 20);
    for (const [index, line] of lines.entries())
      screen.print(`  ${(index === 0 ? name : "").padEnd(width)}  ${(index === 0 ? points : "").padEnd(13)}  ${colors.dim(line)}`);
  }
  screen.print();
  for (const [name, text] of factRows(card.facts)) screen.print(`  ${colors.dim(name.padEnd(width))}  ${text}`);
  if (card.facts.isPartial) screen.print(colors.yellow("Some of its events are not kept: the counts are of what is left."));
}

function factRows(facts: ScorecardFacts): Array<[string, string]> {
  const { attempts, turns, failedTurns, repairs, toolCalls, toolErrors, usage, workMs, history, machine, coverage } = facts;
  const isUsed = usage.inputTokens + usage.outputTokens > 0;
  return [
    ["attempts", String(attempts)],
    ["turns", `${turns}, of them ${failedTurns} failed and ${plural(repairs, "repair")}`],
    ["tools", `${plural(toolCalls, "call")}, ${plural(toolErrors, "error")}`],
    ...(coverage ? [["coverage", coverageText(coverage)] as [string, string]] : []),
    ["time", `${workMs === null ? "not known" : duration(workMs)}; ${historyText(history)}`],
    ["models", isUsed ? spentText(usage, {}) : "nothing was used, or nothing told"],
    ["machine", machineText(machine)],
  ];
}

function historyText({ jobs, medianMs }: ScorecardFacts["history"]): string {
  return medianMs === null ? `no history (${plural(jobs, "job")} done before it)` : `median ${duration(medianMs)} of ${plural(jobs, "job")} before it`;
}

function coverageText(coverage: CoverageChange): string {
  const percent = coveragePercent(coverage.after);
  const { covered, lines } = coverage.after;
  if (percent === null) return "the report tells of no line";
  const points = coveragePoints(coverage);
  const change = points === null ? "what it was on the base is not known" : `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(1)} points against the base`;
  return `${percent.toFixed(1)} % of all lines (${covered} of ${lines}), ${change}`;
}

function machineText(machine: ScorecardFacts["machine"]): string {
  if (!machine) return "its runner told nothing of processor time and memory";
  return `${duration(machine.cpuMs)} of processor time, at most ${bytes(machine.peakMemoryBytes)} of memory at one time, in turns`;
}

/** The same in a line, for those who look at the job. */
export function scoreLine({ score, facts }: Scorecard): string {
  const { gates, gatesAtFirst, repairs, refusals, failedTurns, toolErrors } = facts;
  const parts = [
    ...(score === null ? [] : [`${score} of 100`]),
    ...(gates === 0 ? [] : [`${gatesAtFirst} of ${plural(gates, "gate")} at first`]),
    plural(repairs, "repair"),
    plural(refusals, "finding"),
    ...(failedTurns + toolErrors === 0 ? [] : [`${plural(failedTurns, "failed turn")}, ${plural(toolErrors, "tool error")}`]),
    historyText(facts.history),
  ];
  return parts.join("; ");
}

/** Null while there is nothing to score. */
export async function scoreOf(client: Client, job: string): Promise<Scorecard | null> {
  const card = await client.call("getScorecard", { params: { job } });
  return card.score === null ? null : card;
}
