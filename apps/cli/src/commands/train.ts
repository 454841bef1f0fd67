import type { FrozenTarget, TrainCar, TrainView } from "@slipway/protocol/train";
import type { Command } from "commander";
import { parseBranch } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { shellWord } from "../terminal/shell.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { ago, plural, printable } from "../terminal/text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { withReader } from "./reading.ts";

interface TargetOptions extends CommonOptions {
  readonly target?: string;
}

const REPOSITORY_ARGUMENT = ["<repository>", "name or id of the repository"] as const;

/** What is on its way to the branches of a repository. */
export function addTrain(program: Command): void {
  const train = program
    .command("train")
    .summary("changes on their way to a branch; stop and resume a branch")
    .description("The changes of a repository that wait to land, each verified on top of those before it, and the branches on which nothing lands.");
  withCommon(train.command("show").argument(...REPOSITORY_ARGUMENT))
    .summary("what is on its way to each branch, in the order of landing")
    .option("--target <branch>", "of this branch alone", parseBranch)
    .action(showCommand);
  withCommon(train.command("freeze").argument(...REPOSITORY_ARGUMENT))
    .summary("have nothing land on a branch until it is resumed (role admin)")
    .description(
      "Nothing lands there from the next moment on; a landing that has begun is finished. What waits goes on waiting, and fails if it waits for too long.",
    )
    .requiredOption("--target <branch>", "the branch", parseBranch)
    .requiredOption("--reason <text>", "why, for everybody who waits")
    .action(freezeCommand);
  withCommon(train.command("resume").argument(...REPOSITORY_ARGUMENT))
    .summary("let changes land again (role admin)")
    .option("--target <branch>", "this branch alone; all that are frozen where it is missing", parseBranch)
    .action(resumeCommand);
}

async function showCommand(name: string, options: TargetOptions): Promise<void> {
  const screen = screenOf(options);
  const query = options.target === undefined ? {} : { target: options.target };
  const answer = await withReader(options, ({ client }) => client.call("showTrains", { params: { repo: name }, query }));
  screen.document(answer);
  if (screen.json) return;
  if (answer.trains.length === 0) return screen.print("Nothing is on its way to a branch.");
  for (const train of answer.trains) printTrain(screen, name, train);
}

async function freezeCommand(name: string, options: CommonOptions & { readonly target: string; readonly reason: string }): Promise<void> {
  const screen = screenOf(options);
  const body = { target: options.target, reason: options.reason };
  const frozen = await withReader(options, ({ client }) => client.call("freezeTrain", { params: { repo: name }, body }));
  screen.document(frozen);
  screen.print(frozenText(frozen));
  screen.print(screen.colors.dim(resumeText(name, frozen)));
}

async function resumeCommand(name: string, options: TargetOptions): Promise<void> {
  const screen = screenOf(options);
  const body = options.target === undefined ? {} : { target: options.target };
  const answer = await withReader(options, ({ client }) => client.call("resumeTrain", { params: { repo: name }, body }));
  screen.document(answer);
  screen.print(answer.resumed.length === 0 ? "nothing was frozen" : `changes land again on ${answer.resumed.map(printable).join(", ")}`);
}

function printTrain(screen: Screen, name: string, { target, frozen, cars }: TrainView): void {
  screen.print(`${screen.colors.bold(printable(target))}: ${cars.length === 0 ? "nothing waits" : `${plural(cars.length, "change")} on the way`}`);
  if (frozen) {
    screen.print(screen.colors.yellow(`  ${frozenText(frozen)}`));
    screen.print(screen.colors.dim(`  ${resumeText(name, frozen)}`));
  }
  if (cars.length === 0) return;
  const columns: Array<Column<TrainCar>> = [
    { title: "PLACE", text: ({ place }) => (place === null ? "waits" : String(place)), align: "right" },
    { title: "JOB", text: ({ job }) => String(job), align: "right" },
    { title: "NOW", text: nowText },
    { title: "SINCE", text: ({ since }) => ago(since) },
    { title: "TITLE", text: ({ title }) => printable(title), grows: true },
  ];
  for (const line of tableLines(screen, columns, cars)) screen.print(line);
}

function nowText({ state, place, verifyJob, conflictsWith, batch, bisects }: TrainCar): string {
  if (state === "landing") return "lands";
  if (place === null && conflictsWith.length > 0) return `lets others pass: conflicts with ${conflictsWith.map((job) => `job ${job}`).join(", ")}`;
  if (place === null) return "waits to be let in";
  const split = bisects > 0 ? `, batch split ${bisects === 1 ? "once" : `${bisects} times`}` : "";
  if (verifyJob === null) return `is merged${split}`;
  return `verified by job ${verifyJob}${batch === null ? "" : `, with job ${batch}`}${split}`;
}

/** Why nothing lands on a branch, in one line. */
export function frozenText({ target, reason, by, at }: FrozenTarget): string {
  return `${printable(target)} is frozen${by === null ? "" : ` by ${printable(by)}`}, ${ago(at)}: ${printable(reason)}`;
}

function resumeText(name: string, { target }: FrozenTarget): string {
  return `When that is mended: slipway train resume ${shellWord(name)} --target ${shellWord(target)}`;
}
