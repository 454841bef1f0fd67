import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describeCheckout } from "@slipway/git/checkout";
import { CHECK_NAMES, type CheckName } from "@slipway/protocol/checks";
import { SlipwayError } from "@slipway/protocol/errors";
import { type Budget, type JobView, LANES, type Lane } from "@slipway/protocol/job";
import type { SubmittedImage } from "@slipway/protocol/job-images";
import { LANDING_MODES, type LandingMode } from "@slipway/protocol/landing-modes";
import { REPOSITORY_CONFIG_FILE } from "@slipway/protocol/repository-config";
import type { BackendNeed, Fallback } from "@slipway/protocol/routing";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { type McpServers, PERMISSION_POLICIES, type PermissionPolicy } from "@slipway/protocol/turn-settings";
import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { baseNamed, type Checkout, type Published, publish, warnOfDirty, warnOfSubmodules } from "../checkout/publish.ts";
import { submitterOf } from "../checkout/submitter.ts";
import { readInstallation } from "../configuration/installation.ts";
import { variableOfJobOption } from "../configuration/settings.ts";
import type { Connection } from "../connection.ts";
import { warnOfMissingKeys } from "../models/warn-of-missing-keys.ts";
import { dataFolder } from "../stack/data-folder.ts";
import { readImages } from "../task/read-images.ts";
import { readMcpServers } from "../task/read-mcp-servers.ts";
import {
  gather,
  gatherCapabilities,
  gatherJobs,
  parseBranch,
  parseDollars,
  parseDuration,
  parseSettings,
  parseSwitch,
  parseTime,
  parseTokens,
  type Settings,
  wholeNumber,
} from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { cut, printable } from "../terminal/text.ts";
import { backendSettings } from "../workers/backend-settings.ts";
import { requireSandbox } from "../workers/require-sandbox.ts";
import { addKindOptions, draftKind, type KindDraft, type KindOptions, specOf } from "./kind-options.ts";
import { type CommonOptions, parseSandbox } from "./options.ts";
import { gatherChecks, gatherNeeds, parseFallbacks } from "./route-options.ts";

/** Options of `run` and `submit`. */
export interface JobOptions extends CommonOptions, KindOptions {
  readonly taskFile?: string;
  readonly backend?: string;
  readonly backendConfig?: string[];
  readonly needs?: BackendNeed[];
  readonly fallback?: string[];
  readonly model?: string;
  readonly permissions?: PermissionPolicy;
  readonly mcpServers?: string;
  readonly readOnly?: boolean;
  readonly image?: string[];
  readonly allow?: CheckName[];
  readonly criterion?: string[];
  readonly budgetTokens?: number;
  readonly budgetUsd?: number;
  readonly attemptBudgetTokens?: number;
  readonly attemptBudgetUsd?: number;
  readonly record?: boolean;
  readonly base?: string;
  readonly into?: string;
  readonly landing?: LandingMode;
  readonly ticket?: string;
  readonly includeDirty?: boolean;
  readonly timeout?: number;
  readonly stall?: number;
  readonly lane?: Lane;
  readonly priority?: number;
  readonly after?: number;
  readonly dependsOn?: string[];
  readonly require?: string[];
  readonly maxAttempts?: number;
  readonly revisions?: number;
  readonly queueTimeout?: number;
  readonly title?: string;
  readonly dedupeKey?: string;
  readonly quiet?: boolean;
  readonly sandbox?: SandboxKind;
}

export function withJobOptions(command: Command): Command {
  return withVariables(addKindOptions(jobOptions(command)));
}

/** The environment stands in for an option that is not given; `slipway config` names the variables. INVALID_REQUEST names one that is wrong. */
function withVariables(command: Command): Command {
  return command.hook("preAction", () => {
    for (const option of command.options) {
      const variable = variableOfJobOption(option.long ?? "");
      const text = variable === undefined ? undefined : process.env[variable];
      // One that is empty counts as one that is not set.
      if (!variable || !text || command.getOptionValueSource(option.attributeName()) !== undefined) continue;
      command.setOptionValueWithSource(option.attributeName(), parsedVariable(variable, text, option), "env");
    }
  });
}

function parsedVariable(variable: string, text: string, option: Option): unknown {
  try {
    return option.parseArg ? option.parseArg(text, undefined) : text;
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    const hint = `It stands in for ${option.long}. Set it right, or unset it.`;
    throw new SlipwayError("INVALID_REQUEST", `${variable} in the environment is ${JSON.stringify(text)}. ${error.message}`, { field: variable, hint });
  }
}

function jobOptions(command: Command): Command {
  return command
    .option("--backend <name>", "agent to use, or auto (default: the repository's, then `script`)")
    .option(
      "--backend-config <key=value>",
      "setting for the backend; key=@file takes a file's text (YAML where the backend takes a mapping); may be repeated",
      gather,
    )
    .option("--needs <capabilities>", "only a backend with these, such as images,mcp; auto chooses among them", gatherNeeds)
    .option("--fallback <name>", "takes the job over where the backend before cannot go on; NAME,model=M gives it settings; may be repeated, in order", gather)
    .option("--model <name>", "model that the agent asks for; the same as --backend-config model=NAME")
    .addOption(
      new Option("--permissions <policy>", "what is answered where the agent asks before it does something (default: allow)").choices([...PERMISSION_POLICIES]),
    )
    .option("--mcp-servers <file>", "YAML or JSON file with MCP servers for the agent, by name")
    .option("--image <file>", "PNG, JPEG, GIF or WebP that the agent sees with the task; may be repeated, in order", gather)
    .option("--read-only", "the agent looks and answers, and changes nothing: the answer is the result")
    .option("--allow <checks>", `checks that refuse nothing in this job, such as tests,lockfiles: ${CHECK_NAMES.join(", ")}`, gatherChecks)
    .option("--criterion <text>", "something that the change must do, which the agent is told and a critic judges by itself; may be given again", gather)
    .option("--budget-tokens <n>", "tokens that the job may use up, such as 200k or 1.5m", parseTokens)
    .option("--budget-usd <dollars>", "US dollars that the job may use up, such as 2.50", parseDollars)
    .option("--attempt-budget-tokens <n>", "the same for one attempt", parseTokens)
    .option("--attempt-budget-usd <dollars>", "the same for one attempt", parseDollars)
    .addOption(new Option("--record", "keep its model calls on a cassette, for `slipway replay`").argParser(parseSwitch))
    .option("--no-record", "keep none, where the installation keeps those of every job")
    .option("--base <commit>", "branch or commit to start from (default: HEAD)")
    .option("--into <branch>", "branch to land on (default: a new one, slipway/<title>)", parseBranch)
    .addOption(
      new Option(
        "--landing <mode>",
        "train lands it on the hub, pr opens a pull request, branch pushes a branch, none lands nothing (default: the repository's)",
      ).choices([...LANDING_MODES]),
    )
    .option("--ticket <name>", "what it is about in your tracker, such as ABC-123: for the names of branches and pull requests")
    .option("--include-dirty", "take uncommitted changes along")
    .option("--sandbox <kind>", "bwrap, docker or none: only a worker with this kind takes the job (default: what the workers have)", parseSandbox)
    .option("--timeout <time>", "for one attempt, such as 30m or 2h", parseDuration)
    .option("--stall <time>", "an agent that is silent for so long is stalled (default: 10m)", parseDuration)
    .addOption(new Option("--lane <lane>", "interactive, normal or background").choices([...LANES]))
    .option("--priority <n>", "higher goes first within a lane", wholeNumber(-1_000, 1_000))
    .option("--after <time>", "not before: a time from now such as 2h, or a date such as 2031-05-04T09:30", parseTime)
    .option("--depends-on <job>", "only when this job is done; may be repeated", gatherJobs)
    .option("--require <capability>", "only a worker with this takes it, such as os:linux; may be repeated", gatherCapabilities)
    .option("--max-attempts <n>", "tries before it fails (default: 3)", wholeNumber(1, 20))
    .option("--revisions <n>", "times that its change may go back to the agent where it does not fit onto its target", wholeNumber(0, 10))
    .option("--queue-timeout <time>", "it fails where no worker took it for so long, such as 2h (default: 24h)", parseDuration)
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
  readonly settings: Settings;
  readonly mcpServers: McpServers | undefined;
  readonly images: readonly SubmittedImage[];
  readonly fallbacks: readonly Fallback[] | undefined;
  readonly kind: KindDraft;
  /** The backend as far as it can be known here; undefined where nobody names one. */
  readonly backend: string | undefined;
}

/** Looks at the checkout around the current folder and at what the options name. INVALID_REQUEST, REPOSITORY_EMPTY, BASE_NOT_FOUND. */
export async function draftHere(screen: Screen, options: JobOptions): Promise<Draft> {
  const [checkout, given, mcpServers, images, fallbacks] = await Promise.all([
    describeCheckout(process.cwd()),
    parseSettings(options.backendConfig ?? []),
    options.mcpServers === undefined ? undefined : readMcpServers(options.mcpServers),
    readImages(options.image ?? []),
    options.fallback === undefined ? undefined : parseFallbacks(options.fallback),
  ]);
  const settings = withModel(given, options.model);
  if (options.base !== undefined) await baseNamed(checkout, options.base);
  const kind = await draftKind(checkout.root, options);
  warnOfDirty(screen, checkout, options.includeDirty ?? false);
  warnOfSubmodules(screen, checkout);
  return {
    checkout,
    settings,
    mcpServers,
    images,
    fallbacks,
    kind,
    backend: options.backend ?? (await backendOf(checkout)) ?? (await installedBackend(options)),
  };
}

function withModel(settings: Settings, model: string | undefined): Settings {
  if (model === undefined) return settings;
  const other = settings.values["model"];
  if (other !== undefined && other !== model) {
    const hint = "Give one of them only.";
    throw new SlipwayError("INVALID_REQUEST", `--model ${model} and --backend-config model=${String(other)} name two models.`, { hint });
  }
  return { ...settings, values: { ...settings.values, model } };
}

/**
 * The backend that the checkout's `.slipway.yaml` names. A guess by one line, made only to have a gateway ready and to warn early: what counts is the file
 * at the base, which the server reads, and a YAML parser would cost each `run` its loading.
 */
async function backendOf(checkout: Checkout): Promise<string | undefined> {
  const text = await readFile(join(checkout.root, REPOSITORY_CONFIG_FILE), "utf8").catch(() => "");
  return /^backend:\s*["']?([a-z0-9][\w.-]*)/m.exec(text)?.[1];
}

/** The mode of landing that the checkout's `.slipway.yaml` names, guessed as the backend is: by it the repository's address is found. */
async function landingOf(checkout: Checkout): Promise<string | undefined> {
  const text = await readFile(join(checkout.root, REPOSITORY_CONFIG_FILE), "utf8").catch(() => "");
  const own = /^landing:(.*(?:\n(?:[ \t]+.*|[ \t]*))*)/m.exec(text)?.[1];
  return /(?:^|[\s{,])mode:\s*["']?([a-z]+)/.exec(own ?? "")?.[1];
}

function delivers(landing: string | undefined): boolean {
  return landing === "pr" || landing === "branch";
}

/** The backend of the installation here, where that is the one that the job comes to; undefined where it is the stand-in. */
async function installedBackend({ data }: JobOptions): Promise<string | undefined> {
  if (process.env["SLIPWAY_URL"] && data === undefined) return undefined;
  const { jobs } = await readInstallation(dataFolder(data));
  return jobs.backend === SCRIPT_BACKEND ? undefined : jobs.backend;
}

/** The stand-in for an agent, and the backend where nobody names one. */
const SCRIPT_BACKEND = "script";

/** Whether the job's agent may need a model, as far as can be told before there is a server. */
export function mayNeedModel({ backend }: Draft): boolean {
  return backend !== undefined && backend !== SCRIPT_BACKEND;
}

/** Brings the base to the hub and submits the job. SANDBOX_UNAVAILABLE, before anything is brought or submitted, where the sandbox that was asked for is not there. */
export async function submitFrom(
  screen: Screen,
  connection: Connection,
  draft: Draft,
  task: string,
  options: JobOptions,
  lane: Lane | undefined,
): Promise<Submitted> {
  const { checkout, settings, mcpServers, images, fallbacks, kind } = draft;
  const requires = await requireSandbox(connection, options.sandbox);
  const dependsOn = await idsOf(connection, options.dependsOn ?? []);
  const publishing = publish(connection, checkout, {
    base: kind.range?.headOid ?? options.base,
    also: kind.range?.baseOid,
    into: options.into,
    includeDirty: options.includeDirty ?? false,
    delivers: delivers(options.landing ?? (await landingOf(checkout))),
  });
  // A worker of this command's own may still be on its way, and a job for a backend that no worker has is refused.
  const [published] = await Promise.all([publishing, connection.stack?.complete]);
  if (connection.stack && mayNeedModel(draft)) await warnOfMissingKeys(screen, connection, draft.backend, options.data);
  const submitter = await submitterOf(checkout);
  const backendConfig = await backendSettings(connection.client, draft.backend ?? SCRIPT_BACKEND, settings);
  const body = {
    repo: published.repository.id,
    task,
    base: published.baseOid,
    backendConfig,
    ...(options.permissions === undefined ? {} : { permissions: options.permissions }),
    ...(mcpServers === undefined ? {} : { mcpServers }),
    ...(options.readOnly ? { readOnly: true } : {}),
    ...(images.length === 0 ? {} : { images: [...images] }),
    ...specOf(kind),
    ...(options.allow === undefined ? {} : { allowChecks: options.allow }),
    ...(options.criterion === undefined ? {} : { criteria: options.criterion }),
    ...(options.needs === undefined ? {} : { needs: options.needs }),
    ...(fallbacks === undefined ? {} : { fallbacks: [...fallbacks] }),
    requires: [...requires, ...(options.require ?? [])],
    ...budgetOf(options),
    ...(options.record === undefined ? {} : { record: options.record }),
    ...(options.backend === undefined ? {} : { backend: options.backend }),
    ...(options.into === undefined ? {} : { target: options.into }),
    ...(options.landing === undefined ? {} : { landing: options.landing }),
    ...(options.ticket === undefined ? {} : { ticket: options.ticket }),
    ...(submitter === undefined ? {} : { submitter }),
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
    ...(options.stall === undefined ? {} : { stallMs: options.stall }),
    ...((options.lane ?? lane) === undefined ? {} : { lane: options.lane ?? lane }),
    ...(options.priority === undefined ? {} : { priority: options.priority }),
    ...(options.after === undefined ? {} : { runAfter: options.after }),
    ...(options.maxAttempts === undefined ? {} : { maxAttempts: options.maxAttempts }),
    ...(options.revisions === undefined ? {} : { revisions: options.revisions }),
    ...(options.queueTimeout === undefined ? {} : { queueTimeoutMs: options.queueTimeout }),
    dependsOn,
    ...(options.title === undefined ? {} : { title: options.title }),
    ...(options.dedupeKey === undefined ? {} : { dedupeKey: options.dedupeKey }),
  };
  try {
    return { ...published, ...(await connection.client.call("submitJob", { body })) };
  } catch (error) {
    throw withoutChoice(error, options);
  }
}

/** Ids of jobs that are named by number or id. NOT_FOUND. */
async function idsOf({ client }: Connection, jobs: readonly string[]): Promise<string[]> {
  const details = await Promise.all(jobs.map((job) => client.call("getJob", { params: { job } })));
  return details.map(({ job }) => job.id);
}

function budgetOf({ budgetTokens, budgetUsd, attemptBudgetTokens, attemptBudgetUsd }: JobOptions): { budget?: Budget } {
  const limits = { tokens: budgetTokens, usd: budgetUsd, attemptTokens: attemptBudgetTokens, attemptUsd: attemptBudgetUsd };
  const budget = Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== undefined));
  return Object.keys(budget).length === 0 ? {} : { budget };
}

/** Nobody chose an agent, and the one that stands in needs a script: what is missing is the choice. */
function withoutChoice(error: unknown, options: JobOptions): unknown {
  if (options.backend !== undefined || options.backendConfig !== undefined) return error;
  if (!(error instanceof SlipwayError) || error.code !== "INVALID_REQUEST" || error.details["backend"] !== SCRIPT_BACKEND) return error;
  return new SlipwayError("INVALID_REQUEST", "No agent was chosen, and the default one, `script`, needs a file with the steps that it is to do.", {
    hint: "Choose one with --backend NAME (`slipway backends` lists them) or `backend:` in .slipway.yaml, or give a file: --backend-config script=@steps.yaml.",
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
