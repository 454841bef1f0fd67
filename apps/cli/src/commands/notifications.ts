import type { ResponseOf } from "@slipway/protocol/endpoints";
import type { NotificationStatus } from "@slipway/protocol/notifications";
import { nameSchema } from "@slipway/protocol/scalars";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { connect } from "../connection.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { ago, duration, printable, wrap } from "../terminal/text.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";
import { withReader } from "./reading.ts";

/** Who is told of jobs by HTTP. */
export function addNotifications(program: Command): void {
  const notifications = program
    .command("notifications")
    .summary("who is told of jobs by HTTP, such as a channel of Slack")
    .description(
      "The receivers that `notifications` in slipway.yaml names: what each is told, and what has not arrived there. The server reads that file when it starts.",
    );
  withCommon(notifications.command("list", { isDefault: true }))
    .summary("list the receivers, and how they are doing; `slipway notifications` alone does too")
    .action(listCommand);
  withCommon(notifications.command("test").argument("[receiver]", "to this receiver alone, by its name", parseName))
    .summary("send a sample, and say whether it arrived (role admin)")
    .description(
      "Sends a sample to all receivers, or to one, and ends with 5 where one did not arrive. What waits for a receiver that answers is sent at once.",
    )
    .action(testCommand);
}

function parseName(text: string): string {
  if (nameSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError("Expected the name of a receiver, as `slipway notifications` lists them.");
}

async function listCommand(options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const { receivers } = await withReader(options, ({ client }) => client.call("listNotifications", {}));
  screen.document({ receivers });
  if (receivers.length === 0) return tellOfNone(screen);
  const columns: Array<Column<NotificationStatus>> = [
    { title: "receiver", text: ({ name }) => name },
    { title: "format", text: ({ format }) => format },
    { title: "told of", text: ({ events, repositories }) => `${events.join(", ")}${repositories ? ` of ${repositories.join(", ")}` : ""}`, grows: true },
    { title: "arrived", text: ({ sentAt }) => (sentAt === null ? "" : ago(sentAt)) },
    { title: "waiting", text: ({ waiting }) => (waiting === 0 ? "" : String(waiting)), align: "right" },
    { title: "given up", text: ({ givenUp }) => (givenUp === 0 ? "" : String(givenUp)), align: "right" },
  ];
  for (const line of tableLines(screen, columns, receivers)) screen.print(line);
  for (const { name, problem } of receivers)
    if (problem) for (const line of wrap(printable(`${name}: ${problem.message}`), screen.width)) screen.print(screen.colors.yellow(line));
}

function tellOfNone(screen: Screen): void {
  const text = "Nobody is told. Name a receiver under `notifications` in slipway.yaml (docs/guides/notifications.md), then start the server again.";
  for (const line of wrap(text, screen.width)) screen.print(screen.colors.dim(line));
}

type Tested = ResponseOf<"testNotifications">["receivers"][number];

async function testCommand(name: string | undefined, options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const { client } = await connect({ data: options.data });
  const { receivers } = await client.call("testNotifications", { body: name === undefined ? {} : { name } });
  screen.document({ receivers });
  if (receivers.length === 0) tellOfNone(screen);
  for (const receiver of receivers) printTested(screen, receiver);
  if (receivers.some(({ problem }) => problem !== null)) exitWith(EXIT_CODES.environment.code);
}

function printTested(screen: Screen, { name, problem, tookMs }: Tested): void {
  if (!problem) {
    screen.print(`${screen.colors.green("✓")} ${name} took it, in ${duration(tookMs)}`);
    return;
  }
  const [first = "", ...rest] = wrap(printable(problem.message), screen.width - 2);
  screen.print(`${screen.colors.red("✗")} ${first}`);
  const { hint } = problem.details;
  for (const line of [...rest, ...(typeof hint === "string" ? wrap(printable(hint), screen.width - 2) : [])]) screen.print(`  ${line}`);
}
