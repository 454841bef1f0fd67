import type { JobDetail, JobView } from "@slipway/protocol/job";
import { printNoSandbox, printUsage } from "../follow/outcome.ts";
import type { Screen } from "../terminal/screen.ts";
import { plural, printable } from "../terminal/text.ts";

/** Whether the job ended as it was meant to without landing on the hub: with a branch, a pull request, or its commit alone. */
export function isDeliveredElsewhere({ state, landedOid, delivery, landing }: JobView): boolean {
  return state === "done" && landedOid === null && (delivery !== null || landing === "none");
}

/** Where its change went, for `show`. */
export function deliveryFields({ landing, delivery, ticket }: JobView): Array<[string, string]> {
  const pullRequest = delivery?.pullRequest;
  return [
    ...(ticket === null ? [] : [["ticket", printable(ticket)] as [string, string]]),
    ...(landing === "train" ? [] : [["landing", landing] as [string, string]]),
    ...(delivery ? [["branch", `${printable(delivery.branch)} (${delivery.state})`] as [string, string]] : []),
    ...(pullRequest ? [["pull", `${printable(pullRequest.url)} (${stateText(pullRequest)})`] as [string, string]] : []),
  ];
}

function stateText({ state, revisions }: NonNullable<NonNullable<JobView["delivery"]>["pullRequest"]>): string {
  return `${state}${revisions > 0 ? `, ${plural(revisions, "revision")}` : ""}`;
}

/** The summary of such a job: where its change is, and what to type next. */
export function printDelivered(screen: Screen, detail: JobDetail): void {
  const { job, receipts } = detail;
  const { colors } = screen;
  const { delivery } = job;
  screen.print();
  if (!delivery) {
    screen.print(`${colors.green("✓ done")} ${colors.bold((job.resultOid ?? "").slice(0, 7))} is on the hub; nothing was to land`);
  } else if (delivery.pullRequest) {
    screen.print(`${colors.green("✓ pull request")} ${colors.bold(printable(delivery.pullRequest.url))}`);
    screen.print(`  ${delivery.oid.slice(0, 7)} on ${printable(delivery.branch)}, to be merged into ${printable(job.target)}`);
  } else {
    screen.print(`${colors.green("✓ pushed")} ${colors.bold(delivery.oid.slice(0, 7))} on ${colors.bold(printable(delivery.branch))}`);
  }
  if (delivery && receipts.length === 0) screen.print(colors.dim("Nothing was tested: this repository names no gates in a .slipway.yaml."));
  printUsage(screen, job);
  printNoSandbox(screen, detail);
  screen.print(colors.dim(`More: slipway diff ${job.number}, slipway show ${job.number}${delivery?.pullRequest ? `, slipway pr sync ${job.number}` : ""}`));
}
