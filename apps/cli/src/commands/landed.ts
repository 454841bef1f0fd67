import type { JobDetail, JobView } from "@slipway/protocol/job";
import type { Checkout } from "../checkout/publish.ts";
import { diffStatLines, type TakenResult, takeResult } from "../checkout/take-result.ts";
import type { Connection } from "../connection.ts";
import { printNoSandbox, printUsage, sandboxOf } from "../follow/outcome.ts";
import type { Screen } from "../terminal/screen.ts";
import { shellWord } from "../terminal/shell.ts";
import { printable } from "../terminal/text.ts";

/** Brings the landed commit into the checkout. */
export async function takeLanded(connection: Connection, job: JobView, root: string, into: string | undefined): Promise<TakenResult> {
  return await takeResult(connection, job, root, into);
}

/** The summary of a job that landed: commit, branch, what changed, what to type next. */
export async function printLanded(screen: Screen, detail: JobDetail, checkout: Checkout, taken: TakenResult, asked: boolean): Promise<void> {
  const { job, receipts } = detail;
  if (screen.json) return;
  const { colors } = screen;
  const name = shellWord(taken.branch);
  screen.print();
  if (taken.updated === "left") {
    screen.print(
      `${colors.green("✓ landed")} ${taken.oid.slice(0, 7)} on the hub's ${job.target}; your ${taken.branch} was ${colors.yellow("left as it is")}${taken.reason ? `: ${taken.reason}` : ""}`,
    );
    printNoSandbox(screen, detail);
    screen.print(`  Take it when you are ready:  slipway fetch ${job.number} --into ${name}`);
    screen.print(`  or on a branch of its own:   slipway fetch ${job.number} --into ${shellWord(`slipway/job-${job.number}`)}`);
    return;
  }
  screen.print(`${colors.green("✓ landed")} ${colors.bold(taken.oid.slice(0, 7))} on ${colors.bold(taken.branch)}`);
  for (const line of await diffStatLines(checkout.root, job.baseOid, taken.oid, screen.width - 2)) screen.print(`  ${printable(line)}`);
  if (receipts.length === 0) screen.print(colors.dim("Nothing was tested: this repository names no gates in a .slipway.yaml."));
  const red = receipts.filter(({ exitCode }) => exitCode !== 0).map(({ gate }) => gate);
  if (red.length > 0) screen.print(colors.yellow(`It landed although ${red.join(", ")} is red: \`slipway show ${job.number}\` says why.`));
  printUsage(screen, job);
  printNoSandbox(screen, detail);
  screen.print();
  const isHead = checkout.head.branch === taken.branch;
  screen.print(colors.dim(isHead ? "Your checkout is up to date with it. Next:" : "Your checkout was not touched. Next:"));
  if (isHead || asked) screen.print(`  git show ${taken.oid.slice(0, 7)}`);
  else {
    screen.print(`  git diff HEAD...${name}`);
    screen.print(`  git merge ${name}`);
  }
}

/** The same for tools. */
export function landedReport(detail: JobDetail, taken: TakenResult): Record<string, unknown> {
  return { ...detail, sandbox: sandboxOf(detail), result: { branch: taken.branch, oid: taken.oid, updated: taken.updated, reason: taken.reason ?? null } };
}
