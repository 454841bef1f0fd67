import type { Client } from "@slipway/protocol/client";
import { ANSWER_ARTIFACT, type JobDetail } from "@slipway/protocol/job";
import { printNoSandbox, printUsage, sandboxOf } from "../follow/outcome.ts";
import type { Screen } from "../terminal/screen.ts";
import { printable } from "../terminal/text.ts";

/** The last words about a read-only job that is done: what its agent answered. */
export async function printAnswer(screen: Screen, client: Client, detail: JobDetail): Promise<void> {
  const { job } = detail;
  const answer = Buffer.from(await client.artifact(job.id, ANSWER_ARTIFACT)).toString("utf8");
  screen.document({ ...detail, sandbox: sandboxOf(detail), answer });
  if (screen.json) return;
  screen.print();
  for (const line of answer.trimEnd().split("\n")) screen.print(printable(line));
  screen.print();
  printUsage(screen, job);
  printNoSandbox(screen, detail);
  screen.print(screen.colors.dim(`Nothing was changed. Again: slipway show ${job.number} --artifact ${ANSWER_ARTIFACT}`));
}
