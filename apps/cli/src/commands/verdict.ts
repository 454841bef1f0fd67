import type { Client } from "@slipway/protocol/client";
import type { JobDetail } from "@slipway/protocol/job";
import { VERDICT_ARTIFACT, type Verdict, type VerdictFinding, verdictSchema } from "@slipway/protocol/verdict";
import { printNoSandbox, printUsage, sandboxOf } from "../follow/outcome.ts";
import type { Screen } from "../terminal/screen.ts";
import { plural, printable, wrap } from "../terminal/text.ts";

/** The verdict of a review; undefined where it has none yet, or its artifacts are gone. */
export async function verdictOf(client: Client, { job, artifacts }: JobDetail): Promise<Verdict | undefined> {
  if (!artifacts.some(({ name }) => name === VERDICT_ARTIFACT)) return undefined;
  const text = Buffer.from(await client.artifact(job.id, VERDICT_ARTIFACT)).toString("utf8");
  return verdictSchema.parse(JSON.parse(text));
}

/** The last words about a review that is done. */
export async function printReview(screen: Screen, client: Client, detail: JobDetail): Promise<void> {
  const verdict = await verdictOf(client, detail);
  screen.document({ ...detail, sandbox: sandboxOf(detail), verdict: verdict ?? null });
  if (screen.json) return;
  screen.print();
  if (verdict) printVerdict(screen, verdict);
  screen.print();
  printUsage(screen, detail.job);
  printNoSandbox(screen, detail);
  screen.print(screen.colors.dim(`Nothing was changed. Again: slipway show ${detail.job.number}`));
}

const WORDS = { approve: "approved", "request-changes": "changes are asked for", comment: "comments, and no verdict for or against" } as const;

/** A verdict in lines: most severe findings first. */
export function printVerdict(screen: Screen, { verdict, summary, findings }: Verdict): void {
  const { colors } = screen;
  const paint = { approve: colors.green, "request-changes": colors.red, comment: colors.yellow }[verdict];
  screen.print(paint(`verdict: ${WORDS[verdict]}${findings.length === 0 ? "" : `, ${plural(findings.length, "finding")}`}`));
  for (const line of wrap(printable(summary), screen.width - 2)) screen.print(`  ${line}`);
  const order = ["blocker", "major", "minor", "nit"] as const;
  for (const finding of findings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity))) printFinding(screen, finding);
}

function printFinding(screen: Screen, { severity, file, line, message }: VerdictFinding): void {
  const { colors } = screen;
  const paint = { blocker: colors.red, major: colors.red, minor: colors.yellow, nit: colors.dim }[severity];
  const place = file === null ? "" : ` ${printable(file)}${line === null ? "" : `:${line}`}`;
  screen.print(`  ${paint(severity.padEnd(7))}${place}`);
  for (const text of wrap(printable(message), screen.width - 10)) screen.print(`          ${text}`);
}
