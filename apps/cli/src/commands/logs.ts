import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import { type JobEvent, PHASES } from "@slipway/protocol/events";
import type { JobView } from "@slipway/protocol/job";
import { nameSchema } from "@slipway/protocol/scalars";
import { type Command, InvalidArgumentError, Option } from "commander";
import { connect, disconnect } from "../connection.ts";
import { EXIT_CODES, exitCodeOfState } from "../exit-codes.ts";
import { logBytes } from "../follow/event-lines.ts";
import { Interrupts } from "../follow/interrupts.ts";
import { ProgressView } from "../follow/progress-view.ts";
import { LineGrep } from "../logs/line-grep.ts";
import { LineTail } from "../logs/line-tail.ts";
import { LogFilter, type LogQuery } from "../logs/log-filter.ts";
import { parsePast, wholeNumber } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { printable } from "../terminal/text.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";
import { JOB_ARGUMENT } from "./reading.ts";

interface LogsOptions extends CommonOptions, LogQuery {
  readonly follow?: boolean;
  readonly events?: boolean;
  readonly errors?: boolean;
  readonly grep?: RegExp;
  readonly tail?: number;
}

export function addLogs(program: Command): void {
  withCommon(program.command("logs").argument(...JOB_ARGUMENT))
    .summary("the log of a job; -f follows it")
    .description("Prints what a job's agent, setup and gates printed. With --json, all events, one a line. Of several options that choose, each has to hold.")
    .option("-f, --follow", "go on until the job ends; the exit code is the job's")
    .option("-e, --events", "phases, messages and gates between the lines")
    .option("--tail <n>", "only the last lines, this many; with -f, what comes afterwards too", wholeNumber(1, 1_000_000))
    .option("--grep <regex>", "only lines in which this expression is found, such as 'error|warn' or '(?i:error)'", parseExpression)
    .addOption(new Option("--errors", "what went wrong instead of the log: red gates, checks that say no, failures").conflicts("level"))
    .addOption(new Option("--level <level>", "the same, with `warning` what may have gone wrong too").choices(["error", "warning"]))
    .addOption(new Option("--phase <phase>", "only while the job was in this phase").choices([...PHASES]))
    .option("--turn <n>", "only of this turn of the agent", wholeNumber(1, 10_000))
    .addOption(new Option("--gate <name>", "only of this gate").argParser(parseGate).conflicts("stream"))
    .option("--attempt <n>", "only of this attempt", wholeNumber(1, 10_000))
    .option("--stream <name>", "only this stream, such as stdout, setup or base:test")
    .option("--since <when>", "only what is not older than a time such as 10m, or a date", parsePast)
    .option("--after <seq>", "only events after this number", wholeNumber(0, Number.MAX_SAFE_INTEGER), 0)
    .action(logsCommand);
}

function parseExpression(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new InvalidArgumentError(`Expected a regular expression such as 'error|warn'. ${error instanceof Error ? error.message : ""}`);
  }
}

function parseGate(text: string): string {
  if (nameSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError("Expected a gate's name, as .slipway.yaml has it.");
}

async function logsCommand(job: string, options: LogsOptions): Promise<void> {
  const screen = screenOf(options);
  const connection = await connect({ data: options.data, start: ["server"] });
  using interrupts = new Interrupts(() => interrupts.abort());
  const sieve = sieveOf(screen, options);
  try {
    if (options.follow && !connection.stack) await followAll(connection.client, job, { screen, sieve, signal: interrupts.signal });
    else await readAll(connection.client, job, sieve);
    sieve.end();
    if (!options.follow) return tellOfNothing(screen, sieve, job);
    const { job: last } = await connection.client.call("getJob", { params: { job } });
    if (connection.stack && last.endedAt === null) throw nothingRuns(last);
    tellOfNothing(screen, sieve, job);
    // A person sees how it ended; a log that is kept in a file has the log alone.
    if (screen.interactive && !screen.json) process.stderr.write(`${screen.colors.dim(`job ${last.number} ${last.state}`)}\n`);
    exitWith(exitCodeOfState(last.state));
  } catch (error) {
    if (!interrupts.pressed) throw error;
    // The shell's prompt goes on its own line, below the `^C`.
    if (screen.interactive) process.stderr.write("\n");
    exitWith(EXIT_CODES.interrupted.code);
  } finally {
    await disconnect(connection, "now");
  }
}

/** The server was started to read from, and has no worker: there would be nothing to follow, for ever. */
function nothingRuns({ number, state }: JobView): SlipwayError {
  return new SlipwayError("SERVER_UNAVAILABLE", `Job ${number} is ${state}, and no worker runs that could go on with it.`, {
    hint: "Start `slipway up` (or any `slipway run`): it takes the job up. Then follow it again.",
  });
}

/** Nothing at all looks like a mistake of the command. */
function tellOfNothing(screen: Screen, { hasShown, isNarrow }: Sieve, job: string): void {
  if (hasShown) return;
  if (isNarrow) screen.warn(`job ${job} has no such log lines.`);
  else screen.warn(`job ${job} has no log yet, or it is no longer kept; \`slipway show ${job}\` tells what happened.`);
}

type Watching = { readonly screen: Screen; readonly sieve: Sieve; readonly signal: AbortSignal };

async function followAll(client: Client, job: string, { screen, sieve, signal }: Watching): Promise<void> {
  let after = sieve.from;
  if (sieve.holdsBack) {
    after = await readAll(client, job, sieve);
    sieve.release();
  }
  for await (const frame of client.follow(job, { after, signal })) {
    if (frame.type === "event") sieve.take(frame.event);
    if (frame.type === "gap") screen.warn(`Events ${frame.fromSeq} to ${frame.nextSeq - 1} are no longer kept.`);
  }
}

/** Answers the number of the last event that there is. */
async function readAll(client: Client, job: string, sieve: Sieve): Promise<number> {
  for (let after = sieve.from; ; ) {
    const { events, lastSeq } = await client.call("listEvents", { params: { job }, query: { after, limit: 5_000 } });
    for (const event of events) sieve.take(event as JobEvent);
    after = events.at(-1)?.seq ?? lastSeq;
    if (after >= lastSeq || events.length === 0) return after;
  }
}

/** What is wanted of the events, shown as it is wanted. */
interface Sieve {
  readonly from: number;
  readonly isNarrow: boolean;
  /** Whether nothing is shown before `release` or `end`, as only the last lines are wanted. */
  readonly holdsBack: boolean;
  readonly hasShown: boolean;
  take(event: JobEvent): void;
  /** Shows what was held back, and all that comes from now on. */
  release(): void;
  end(): void;
}

function sieveOf(screen: Screen, { errors, grep, tail, ...options }: LogsOptions): Sieve {
  const filter = new LogFilter({ ...options, level: errors ? "error" : options.level });
  const lines = grep && new LineGrep(grep);
  const show = shower(screen, { ...options, errors: errors ?? options.level !== undefined });
  let held = tail === undefined ? undefined : new LineTail(tail);
  let hasShown = false;
  const pass = (event: JobEvent): void => {
    if (!show.wants(event)) return;
    hasShown = true;
    if (held) held.add(event);
    else show.show(event);
  };
  const release = (): void => {
    const events = held?.events() ?? [];
    held = undefined;
    for (const event of events) show.show(event);
  };
  return {
    from: filter.from,
    isNarrow: filter.isNarrow || grep !== undefined,
    holdsBack: tail !== undefined,
    get hasShown() {
      return hasShown;
    },
    take: (event) => {
      if (!filter.takes(event)) return;
      const found = lines ? lines.take(event) : event;
      if (found) pass(found);
    },
    release,
    end: () => {
      for (const event of lines?.end() ?? []) pass(event);
      release();
    },
  };
}

interface Shower {
  wants(event: JobEvent): boolean;
  show(event: JobEvent): void;
}

/** What to do with each event: JSON lines, raw log text, or both kinds in one view. */
function shower(screen: Screen, { events = false, errors, stream, gate }: Pick<LogsOptions, "events" | "errors" | "stream" | "gate">): Shower {
  const view = new ProgressView(screen);
  const isTold = (event: JobEvent): boolean => events || errors === true || event.kind === "gap";
  const isSpeech = (event: JobEvent): boolean => event.kind === "message" && event.data.role === "agent" && stream === undefined && gate === undefined;
  return {
    wants: (event) => screen.json || event.kind === "log" || isTold(event) || isSpeech(event),
    show: (event) => {
      if (screen.json) screen.record(event);
      else if (event.kind === "log") writeLog(event.data);
      else if (isTold(event)) view.show(event);
      else if (event.kind === "message") screen.print(printable(event.data.text));
    },
  };
}

/** Piped, the very bytes that were logged; on a terminal, without what could take it over. */
function writeLog(data: Extract<JobEvent, { kind: "log" }>["data"]): void {
  const bytes = logBytes(data);
  process.stdout.write(process.stdout.isTTY ? printable(bytes.toString("utf8")) : bytes);
}
