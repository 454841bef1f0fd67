import { basename } from "node:path";
import { describeCheckout } from "@slipway/git/checkout";
import { type JobView, LANES, type Lane } from "@slipway/protocol/job";
import type { Command } from "commander";
import { Option } from "commander";
import { type Checkout, type Published, publish, warnOfDirty } from "../checkout/publish.ts";
import type { Connection } from "../connection.ts";
import { gather, parseDuration, parseSettings, wholeNumber } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { cut, printable } from "../terminal/text.ts";
import type { CommonOptions } from "./options.ts";

/** Options of `run` and `submit`. */
export interface JobOptions extends CommonOptions {
  readonly backend?: string;
  readonly backendConfig?: string[];
  readonly base?: string;
  readonly into?: string;
  readonly includeDirty?: boolean;
  readonly timeout?: number;
  readonly lane?: Lane;
  readonly priority?: number;
  readonly title?: string;
  readonly dedupeKey?: string;
  readonly quiet?: boolean;
}

export function withJobOptions(command: Command): Command {
  return command
    .option("--backend <name>", "agent to use (default: the repository's, then `script`)")
    .option("--backend-config <key=value>", "setting for the backend; key=@file takes a file's text; may be repeated", gather)
    .option("--base <commit>", "branch or commit to start from (default: HEAD)")
    .option("--into <branch>", "branch to land on (default: a new one, slipway/<title>)")
    .option("--include-dirty", "take uncommitted changes along")
    .option("--timeout <time>", "for one attempt, such as 30m or 2h", parseDuration)
    .addOption(new Option("--lane <lane>", "interactive, normal or background").choices([...LANES]))
    .option("--priority <n>", "higher goes first within a lane", wholeNumber(-1_000, 1_000))
    .option("--title <text>", "short title (default: the task's first line)")
    .option("--dedupe-key <key>", "while a job with this key is active, the same job comes back")
    .option("-q, --quiet", "no progress, only the result");
}

export interface Submitted extends Published {
  readonly job: JobView;
  readonly deduplicated: boolean;
}

/** Looks at the checkout around the current folder. */
export async function checkoutHere(screen: Screen, options: JobOptions): Promise<Checkout> {
  const checkout = await describeCheckout(process.cwd());
  warnOfDirty(screen, checkout, options.includeDirty ?? false);
  return checkout;
}

/** Brings the base to the hub and submits the job. */
export async function submitFrom(connection: Connection, checkout: Checkout, task: string, options: JobOptions, lane: Lane): Promise<Submitted> {
  const backendConfig = await parseSettings(options.backendConfig ?? []);
  const published = await publish(connection, checkout, { base: options.base, into: options.into, includeDirty: options.includeDirty ?? false });
  const { job, deduplicated } = await connection.client.call("submitJob", {
    body: {
      repo: published.repository.id,
      task,
      base: published.baseOid,
      backendConfig,
      lane: options.lane ?? lane,
      ...(options.backend === undefined ? {} : { backend: options.backend }),
      ...(options.into === undefined ? {} : { target: options.into }),
      ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
      ...(options.priority === undefined ? {} : { priority: options.priority }),
      ...(options.title === undefined ? {} : { title: options.title }),
      ...(options.dedupeKey === undefined ? {} : { dedupeKey: options.dedupeKey }),
    },
  });
  return { ...published, job, deduplicated };
}

/** One line that names a job, for people. */
export function jobHeading(screen: Screen, job: JobView, checkout: Checkout): string {
  const { colors } = screen;
  const name = `job ${job.number}`;
  const where = cut(`(${job.backend} on ${printable(basename(checkout.root))} @ ${job.baseOid.slice(0, 7)})`, Math.floor(screen.width / 2));
  const title = cut(printable(job.title), screen.width - name.length - where.length - 4);
  return `${colors.bold(name)} ${colors.dim("·")} ${title} ${colors.dim(where)}`;
}
