import { type AcceptableWork, acceptableWork } from "@slipway/protocol/acceptable-work";
import { NAMED_CHECKS } from "@slipway/protocol/acceptance";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobDetail } from "@slipway/protocol/job";
import { type Command, Option } from "commander";
import { EXIT_CODES } from "../exit-codes.ts";
import { diffStatText } from "../follow/outcome.ts";
import type { Screen } from "../terminal/screen.ts";
import { plural, printable, wrap } from "../terminal/text.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";
import { JOB_ARGUMENT, withReader } from "./reading.ts";

interface AcceptOptions extends CommonOptions {
  readonly reason?: string;
  readonly including?: (typeof NAMED_CHECKS)[number][];
  readonly yes?: boolean;
}

export function addAccept(program: Command): void {
  withCommon(program.command("accept").argument(...JOB_ARGUMENT))
    .summary("land the kept work of a failed job all the same")
    .description(
      "Shows what is red and how large the change is, and asks. A new job then lands the work: its gates run and are recorded as ever, and those that you saw red do not stop it. Who accepted it, when, why and what was red is kept with the job and in its commit.",
    )
    .option("--reason <text>", "why; kept with the job and in the commit")
    .addOption(new Option("--including <check...>", "accept what this check has found too, which is not accepted along with the rest").choices(NAMED_CHECKS))
    .option("-y, --yes", "do not ask")
    .action(acceptCommand);
}

async function acceptCommand(job: string, options: AcceptOptions): Promise<void> {
  const screen = screenOf(options);
  await withReader(options, async ({ client, stack }) => {
    const detail = await client.call("getJob", { params: { job } });
    const isNew = detail.acceptedAs.every(({ state }) => state === "cancelled");
    const work = isNew ? acceptableWork(detail) : undefined;
    if (work) printWork(screen, detail, work);
    if (work && !(await mayAccept(screen, detail, options))) return screen.print("Nothing was accepted.");
    const { reason, including } = options;
    const body = { ...(work ? { oid: work.oid } : {}), ...(reason === undefined ? {} : { reason }), ...(including ? { including } : {}) };
    const answer = await client.call("acceptJob", { params: { job: detail.job.id }, body });
    screen.document(answer);
    const { number, state, target } = answer.job;
    screen.print(answer.created ? `accepted: job ${number} lands it on ${printable(target)}` : `accepted before: job ${number}, which is ${state}`);
    if (stack && answer.job.endedAt === null) screen.print(screen.colors.dim("No worker runs: the next `slipway up` or `slipway run` lands it."));
    else screen.print(screen.colors.dim(`Follow: slipway logs -f ${number}, then take it: slipway fetch ${number}`));
  });
}

const FINDINGS_SHOWN = 5;

function printWork(screen: Screen, { job, attempts }: JobDetail, { oid, fence, red }: AcceptableWork): void {
  const { colors } = screen;
  const why = attempts.find((attempt) => attempt.fence === fence)?.keptWhy;
  screen.print(`${colors.bold(`job ${job.number}`)} · ${printable(job.title)} · ${job.failure ? colors.red(job.failure.code) : job.state}`);
  for (const line of wrap(`commit ${oid.slice(0, 12)}, ${diffStatText(job.diffStat)}${why ? `; ${printable(why)}` : ""}`, screen.width - 2))
    screen.print(`  ${line}`);
  screen.print();
  if (red.length === 0) screen.print("Nothing is known to be red on it. Its gates have to pass.");
  else screen.print("Red on it:");
  for (const { by, name, findings } of red) {
    screen.print(`  ${colors.red("✗")} ${by === name ? by : `${by} ${name}`}`);
    for (const finding of findings.slice(0, FINDINGS_SHOWN)) for (const line of wrap(printable(finding), screen.width - 6)) screen.print(`      ${line}`);
    if (findings.length > FINDINGS_SHOWN) screen.print(colors.dim(`      and ${plural(findings.length - FINDINGS_SHOWN, "more finding")}`));
  }
  screen.print(colors.dim(`All of it: slipway diff ${job.number}`));
  screen.print();
}

async function mayAccept(screen: Screen, { job }: JobDetail, options: AcceptOptions): Promise<boolean> {
  if (options.yes) return true;
  if (!screen.interactive || screen.json) {
    throw new SlipwayError("INVALID_REQUEST", "Nobody can be asked here whether the work is to land.", {
      field: "--yes",
      expected: "a terminal, or --yes",
      hint: `When you have looked at it: \`slipway accept ${job.number} --yes --reason "…"\`.`,
    });
  }
  const { confirm } = await import("@clack/prompts");
  const answer = await confirm({ message: `Land it on ${printable(job.target)} all the same?`, initialValue: false });
  if (typeof answer === "symbol") {
    exitWith(EXIT_CODES.interrupted.code);
    return false;
  }
  return answer;
}
