import { basename } from "node:path";
import { describeCheckout } from "@slipway/git/checkout";
import { SlipwayError } from "@slipway/protocol/errors";
import { type JobView, LANES, type Lane } from "@slipway/protocol/job";
import type { Command } from "commander";
import { Option } from "commander";
import { baseNamed, type Checkout, type Published, publish, warnOfDirty, warnOfSubmodules } from "../checkout/publish.ts";
import type { Connection } from "../connection.ts";
import { gather, parseBranch, parseDuration, parseSettings, wholeNumber } from "../terminal/parse.ts";
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
    .option("--into <branch>", "branch to land on (default: a new one, slipway/<title>)", parseBranch)
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

/** What can be known before there is a server: a mistake in it starts nothing. */
export interface Draft {
  readonly checkout: Checkout;
  readonly backendConfig: Record<string, unknown>;
}

/** Looks at the checkout around the current folder and at what the options name. INVALID_REQUEST, REPOSITORY_EMPTY, BASE_NOT_FOUND. */
export async function draftHere(screen: Screen, options: JobOptions): Promise<Draft> {
  const [checkout, backendConfig] = await Promise.all([describeCheckout(process.cwd()), parseSettings(options.backendConfig ?? [])]);
  if (options.base !== undefined) await baseNamed(checkout, options.base);
  warnOfDirty(screen, checkout, options.includeDirty ?? false);
  warnOfSubmodules(screen, checkout);
  return { checkout, backendConfig };
}

/** Brings the base to the hub and submits the job. */
export async function submitFrom(
  connection: Connection,
  { checkout, backendConfig }: Draft,
  task: string,
  options: JobOptions,
  lane: Lane,
): Promise<Submitted> {
  const publishing = publish(connection, checkout, { base: options.base, into: options.into, includeDirty: options.includeDirty ?? false });
  // A worker of this command's own may still be on its way, and a job for a backend that no worker has is refused.
  const [published] = await Promise.all([publishing, connection.stack?.complete]);
  const body = {
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
  };
  try {
    return { ...published, ...(await connection.client.call("submitJob", { body })) };
  } catch (error) {
    throw withoutChoice(error, options);
  }
}

/** Nobody chose an agent, and the one that stands in needs a script: what is missing is the choice. */
function withoutChoice(error: unknown, options: JobOptions): unknown {
  if (options.backend !== undefined || options.backendConfig !== undefined) return error;
  if (!(error instanceof SlipwayError) || error.code !== "INVALID_REQUEST" || error.details["backend"] !== "script") return error;
  return new SlipwayError("INVALID_REQUEST", "No agent was chosen, and the default one, `script`, needs a file with the steps that it is to do.", {
    hint: "Choose one with --backend NAME (`slipway doctor` lists them) or `backend:` in .slipway.yaml, or give a file: --backend-config script=@steps.yaml.",
  });
}

/** One line that names a job, for people. */
export function jobHeading(screen: Screen, job: JobView, checkout: Checkout): string {
  const { colors } = screen;
  const name = `job ${job.number}`;
  const where = cut(`(${job.backend} on ${printable(basename(checkout.root))} @ ${job.baseOid.slice(0, 7)})`, Math.floor(screen.width / 2));
  const title = cut(printable(job.title), screen.width - name.length - where.length - 4);
  return `${colors.bold(name)} ${colors.dim("·")} ${title} ${colors.dim(where)}`;
}
