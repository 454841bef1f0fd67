import type { EventLine, Tone } from "../follow/event-lines.ts";
import { gatesText } from "../follow/status-line.ts";
import type { Colors } from "../terminal/screen.ts";
import { ago, cut, duration, elapsed, printable } from "../terminal/text.ts";
import { spentText } from "../terminal/usage-text.ts";
import type { JobFeed } from "./job-feed.ts";
import type { TopJob } from "./snapshot.ts";
import type { LineOptions } from "./top-lines.ts";

/** Phases that are shown, the newest. */
const PHASES = 8;

/** The head of a job's pane: what it is, where it stands, its phases. `job` is what the list knows of it, and the newest. */
export function detailHead(job: TopJob, feed: JobFeed, { width, colors, now }: LineOptions): string[] {
  const { progress } = feed;
  const end = job.endedAt ?? now;
  const usage = feed.job ? { ...progress.usage, ...feed.job.usage } : progress.usage;
  const spent = Math.max(job.tokens, usage.inputTokens + usage.outputTokens);
  const gates = gatesText(progress);
  const facts = `${job.backend} · ${job.repository} → ${job.target} · ${elapsed(Math.max(end - job.createdAt, 0))}${job.endedAt === null ? "" : `, ${ago(job.endedAt, now)}`}`;
  const shown = feed.phases.slice(-PHASES);
  const hidden = feed.phases.length - shown.length;
  return [
    cut(`${job.number} · ${printable(job.title)}`, width),
    cut(printable(facts), width),
    ...(spent > 0 ? [cut(spentText(feed.job ? { ...usage, costUsd: Math.max(job.costUsd, usage.costUsd) } : usage, job.budget), width)] : []),
    ...(job.reason === null ? [] : [colors.yellow(cut(printable([job.code, job.reason].filter(Boolean).join(": ")).replaceAll("\n", " "), width))]),
    "",
    ...(hidden > 0 || feed.isCut ? [colors.dim("  … earlier: slipway show has all")] : []),
    ...shown.map(({ name, startedAt, tookMs, failed }) => {
      const isLast = tookMs === undefined && job.state !== "running" && job.state !== "integrating";
      const mark = failed ? colors.red("✗") : tookMs === undefined ? (isLast ? "·" : colors.cyan("▸")) : colors.green("✓");
      const time = tookMs === undefined ? (isLast ? "" : elapsed(Math.max(now - startedAt, 0))) : duration(tookMs);
      return `  ${mark} ${name.padEnd(9)} ${time}`;
    }),
    ...(gates === undefined ? [] : [cut(`  ${gates}`, width)]),
    "",
  ];
}

/** A line of the log in its tone, cut to the screen. */
export function logLine({ tone, text }: EventLine, width: number, colors: Colors): string {
  const marks: Readonly<Record<Tone, string>> = { plain: " ", dim: "·", good: "✓", bad: "✗", warning: "!", speech: "│" };
  const paint = { plain: String, dim: colors.dim, good: colors.green, bad: colors.red, warning: colors.yellow, speech: colors.cyan }[tone];
  return paint(cut(`${marks[tone]} ${text}`, width));
}
