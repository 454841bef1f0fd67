import type { JobDetail, JobView } from "@slipway/protocol/job";
import type { Checkout } from "../checkout/publish.ts";
import { diffStatLines, type TakenResult } from "../checkout/take-result.ts";
import type { Screen } from "../terminal/screen.ts";
import { shellWord } from "../terminal/shell.ts";
import { printable, wrap } from "../terminal/text.ts";
import { landedReport } from "./landed.ts";

/** What was taken of a job that did not land: nobody is to take it for a tested commit. */
export async function printKept(screen: Screen, { job }: JobDetail, checkout: Checkout, taken: TakenResult): Promise<void> {
  if (screen.json) return;
  const { colors } = screen;
  const name = shellWord(taken.branch);
  const where = whereItIs(job);
  const why = job.failure ? `${job.state} with ${job.failure.code}` : job.state;
  for (const line of wrap(where ?? `Job ${job.number} is ${why}. What its agent did is not verified and did not land.`, screen.width))
    screen.print(colors.yellow(line));
  if (taken.updated === "left") {
    screen.print(`${taken.oid.slice(0, 7)} is here; your ${taken.branch} was ${colors.yellow("left as it is")}${taken.reason ? `: ${taken.reason}` : ""}`);
    return;
  }
  screen.print(`${colors.bold(taken.oid.slice(0, 7))} on ${colors.bold(taken.branch)}`);
  for (const line of await diffStatLines(checkout.root, `${taken.oid}^`, taken.oid, screen.width - 2)) screen.print(`  ${printable(line)}`);
  screen.print();
  screen.print(colors.dim("Look at it before you use it. Next:"));
  screen.print(`  git diff ${name}^ ${name}`);
}

/** Of a job that is done without having landed on the hub; undefined for all others. */
function whereItIs({ number, state, delivery }: JobView): string | undefined {
  if (state !== "done") return undefined;
  if (!delivery) return `Job ${number} was to land nothing. What its agent did is not verified.`;
  return `Job ${number} is on the branch ${printable(delivery.branch)} of the repository's address. This is its own commit, as it was before it was merged and verified.`;
}

/** The same for tools. */
export function keptReport(detail: JobDetail, taken: TakenResult): Record<string, unknown> {
  return { ...landedReport(detail, taken), verified: false };
}
