import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobView } from "@slipway/protocol/job";
import type { Command } from "commander";
import { connect, disconnect } from "../connection.ts";
import { EXIT_CODES, exitCodeOfState } from "../exit-codes.ts";
import { logBytes } from "../follow/event-lines.ts";
import { Interrupts } from "../follow/interrupts.ts";
import { ProgressView } from "../follow/progress-view.ts";
import { wholeNumber } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { printable } from "../terminal/text.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";
import { JOB_ARGUMENT } from "./reading.ts";

interface LogsOptions extends CommonOptions {
  readonly follow?: boolean;
  readonly events?: boolean;
  readonly stream?: string;
  readonly after: number;
}

export function addLogs(program: Command): void {
  withCommon(program.command("logs").argument(...JOB_ARGUMENT))
    .summary("the log of a job; -f follows it")
    .description("Prints what a job's agent, setup and gates printed. With --json, all events, one a line.")
    .option("-f, --follow", "go on until the job ends; the exit code is the job's")
    .option("-e, --events", "phases, messages and gates between the lines")
    .option("--stream <name>", "only this stream, such as stdout or gate:test")
    .option("--after <seq>", "only events after this number", wholeNumber(0, Number.MAX_SAFE_INTEGER), 0)
    .action(logsCommand);
}

async function logsCommand(job: string, options: LogsOptions): Promise<void> {
  const screen = screenOf(options);
  const connection = await connect({ data: options.data, start: ["server"] });
  using interrupts = new Interrupts(() => interrupts.abort());
  const show = shower(screen, options);
  try {
    if (options.follow && !connection.stack) await followAll(connection.client, job, options.after, { screen, show, signal: interrupts.signal });
    else await readAll(connection.client, job, options.after, show);
    if (!options.follow) return tellOfNothing(screen, show, job, options);
    const { job: last } = await connection.client.call("getJob", { params: { job } });
    if (connection.stack && last.endedAt === null) throw nothingRuns(last);
    tellOfNothing(screen, show, job, options);
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
function tellOfNothing(screen: Screen, show: Shower, job: string, { stream, after }: LogsOptions): void {
  if (show.hasShown()) return;
  if (stream !== undefined || after > 0) screen.warn(`job ${job} has no such log lines.`);
  else screen.warn(`job ${job} has no log yet, or it is no longer kept; \`slipway show ${job}\` tells what happened.`);
}

/** Shows events, and knows whether any of them left a trace. */
interface Shower {
  (event: JobEvent): void;
  hasShown(): boolean;
}

type Watching = { readonly screen: Screen; readonly show: (event: JobEvent) => void; readonly signal: AbortSignal };

async function followAll(client: Client, job: string, after: number, { screen, show, signal }: Watching): Promise<void> {
  for await (const frame of client.follow(job, { after, signal })) {
    if (frame.type === "event") show(frame.event);
    if (frame.type === "gap") screen.warn(`Events ${frame.fromSeq} to ${frame.nextSeq - 1} are no longer kept.`);
  }
}

async function readAll(client: Client, job: string, from: number, show: (event: JobEvent) => void): Promise<void> {
  for (let after = from; ; ) {
    const { events, lastSeq } = await client.call("listEvents", { params: { job }, query: { after, limit: 5_000 } });
    for (const event of events) show(event as JobEvent);
    after = events.at(-1)?.seq ?? lastSeq;
    if (after >= lastSeq || events.length === 0) return;
  }
}

/** What to do with each event: JSON lines, raw log text, or both kinds in one view. */
function shower(screen: Screen, options: LogsOptions): Shower {
  const view = new ProgressView(screen);
  let shown = false;
  const wanted = (event: JobEvent): boolean => options.stream === undefined || (event.kind === "log" && event.data.stream === options.stream);
  const show = (event: JobEvent): boolean => {
    if (screen.json) screen.record(event);
    else if (event.kind === "log") writeLog(event.data);
    else if (options.events || event.kind === "gap") view.show(event);
    else if (event.kind === "message" && event.data.role === "agent" && options.stream === undefined) screen.print(`${printable(event.data.text)}`);
    else return false;
    return true;
  };
  const each = (event: JobEvent): void => {
    if (wanted(event)) shown = show(event) || shown;
  };
  return Object.assign(each, { hasShown: () => shown });
}

/** Piped, the very bytes that were logged; on a terminal, without what could take it over. */
function writeLog(data: Extract<JobEvent, { kind: "log" }>["data"]): void {
  const bytes = logBytes(data);
  process.stdout.write(process.stdout.isTTY ? printable(bytes.toString("utf8")) : bytes);
}
