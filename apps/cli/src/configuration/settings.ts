import { resolve } from "node:path";
import { parseDollars, parseDuration, parseTokens } from "../terminal/parse.ts";

/** One key of slipway.yaml, and what overrides it. */
export interface Setting {
  readonly path: readonly string[];
  /** The environment variable that wins over the file. */
  readonly variable: string;
  /** The option that wins over both, with its command, for people; null where there is none. */
  readonly flag: string | null;
  /** The variable's text as the file would have it; the schema then judges it. Throws for what it cannot read. */
  readonly read: (text: string) => unknown;
}

function setting(key: string, variable: string, flag: string | null, read: (text: string) => unknown): Setting {
  return { path: key.split("."), variable, flag, read };
}

const asText = (text: string): unknown => text;
/** What is no number stays text, and the schema says what it expected. */
const asNumber = (text: string): unknown => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text));
const asSeconds = (text: string): unknown => parseDuration(text) / 1_000;
const asChoice = (text: string): unknown => (text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : text);
const asList = (text: string): unknown => text.split(",").map((item) => item.trim());
/** What is no JSON stays text, and the schema says what it expected. */
const asJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
/** From where the command is typed; in the file it is from the file's folder. */
const asPath = (text: string): unknown => resolve(text);

/** All keys of slipway.yaml but `version`. */
export const SETTINGS: readonly Setting[] = [
  setting("logLevel", "SLIPWAY_LOG_LEVEL", null, asText),
  setting("server.port", "SLIPWAY_PORT", "up --port", asNumber),
  setting("server.host", "SLIPWAY_HOST", null, asText),
  setting("server.allowRemote", "SLIPWAY_ALLOW_REMOTE", null, asChoice),
  setting("server.allowedOrigins", "SLIPWAY_ALLOWED_ORIGINS", null, asList),
  setting("server.retentionDays", "SLIPWAY_RETENTION_DAYS", null, asNumber),
  setting("server.dayBudget.tokens", "SLIPWAY_DAY_BUDGET_TOKENS", null, parseTokens),
  setting("server.dayBudget.usd", "SLIPWAY_DAY_BUDGET_USD", null, parseDollars),
  setting("server.publicUrl", "SLIPWAY_PUBLIC_URL", null, asText),
  setting("server.forges", "SLIPWAY_FORGES", null, asJson),
  setting("server.credentials", "SLIPWAY_CREDENTIALS", null, asJson),
  setting("server.pullRequestPollSeconds", "SLIPWAY_PULL_REQUEST_POLL", null, asSeconds),
  setting("server.circuitFaults", "SLIPWAY_CIRCUIT_FAULTS", null, asNumber),
  setting("server.circuitCoolDownSeconds", "SLIPWAY_CIRCUIT_COOL_DOWN", null, asSeconds),
  setting("worker.slots", "SLIPWAY_SLOTS", "up --slots", asNumber),
  setting("worker.verifySlots", "SLIPWAY_VERIFY_SLOTS", null, asNumber),
  setting("worker.name", "SLIPWAY_WORKER_NAME", null, asText),
  setting("worker.sandbox", "SLIPWAY_WORKER_SANDBOX", "up --sandbox", asText),
  setting("worker.workspaces", "SLIPWAY_WORKSPACES", null, asText),
  setting("worker.image", "SLIPWAY_IMAGE", "up --image", asText),
  setting("worker.workspaceLimit", "SLIPWAY_WORKSPACE_LIMIT", null, asText),
  setting("worker.memoryLimit", "SLIPWAY_MEMORY_LIMIT", null, asText),
  setting("worker.processLimit", "SLIPWAY_PROCESS_LIMIT", null, asNumber),
  setting("worker.fileLimit", "SLIPWAY_FILE_LIMIT", null, asText),
  setting("worker.cpuLimit", "SLIPWAY_CPU_LIMIT", null, asNumber),
  setting("worker.warmMax", "SLIPWAY_WARM_MAX", null, asNumber),
  setting("worker.warmMin", "SLIPWAY_WARM_MIN", null, asNumber),
  setting("worker.warmIdleSeconds", "SLIPWAY_WARM_IDLE", null, asNumber),
  setting("worker.ports", "SLIPWAY_JOB_PORTS", null, asText),
  setting("worker.backendsFolder", "SLIPWAY_BACKENDS", null, asPath),
  setting("worker.egressPrivateHosts", "SLIPWAY_EGRESS_PRIVATE_HOSTS", null, asList),
  setting("worker.secretsFolder", "SLIPWAY_SECRETS_FOLDER", null, asPath),
  setting("integrator.signingKey", "SLIPWAY_SIGNING_KEY", null, asText),
  setting("integrator.committer", "SLIPWAY_COMMITTER", null, asText),
  setting("images.baseImage", "SLIPWAY_BASE_IMAGE", "images build --base-image", asText),
  setting("images.network", "SLIPWAY_BUILD_NETWORK", "images build --network", asText),
  setting("extraCaCerts", "SLIPWAY_EXTRA_CA_CERTS", "images build --extra-ca-certs", asPath),
  setting("jobs.backend", "SLIPWAY_BACKEND", "run --backend", asText),
  setting("jobs.timeoutSeconds", "SLIPWAY_TIMEOUT", "run --timeout", asSeconds),
  setting("jobs.stallSeconds", "SLIPWAY_STALL", "run --stall", asSeconds),
  setting("jobs.queueTimeoutSeconds", "SLIPWAY_QUEUE_TIMEOUT", "run --queue-timeout", asSeconds),
  setting("jobs.maxAttempts", "SLIPWAY_MAX_ATTEMPTS", "run --max-attempts", asNumber),
  setting("jobs.lane", "SLIPWAY_LANE", "run --lane", asText),
  setting("jobs.record", "SLIPWAY_RECORD", "run --record", asChoice),
  setting("jobs.budget.tokens", "SLIPWAY_BUDGET_TOKENS", "run --budget-tokens", parseTokens),
  setting("jobs.budget.usd", "SLIPWAY_BUDGET_USD", "run --budget-usd", parseDollars),
  setting("jobs.budget.attemptTokens", "SLIPWAY_ATTEMPT_BUDGET_TOKENS", "run --attempt-budget-tokens", parseTokens),
  setting("jobs.budget.attemptUsd", "SLIPWAY_ATTEMPT_BUDGET_USD", "run --attempt-budget-usd", parseDollars),
  setting("notifications", "SLIPWAY_NOTIFICATIONS", null, asJson),
];

/** Settings of single jobs, whose variables are read where a job is submitted: they win over the repository's file, which only the server reads. */
export function isOfJobs({ path }: Setting): boolean {
  return path[0] === "jobs";
}

/** The variable that stands in for an option of `run` and `submit`, by the option's name such as `--backend`. */
export function variableOfJobOption(option: string): string | undefined {
  return SETTINGS.find((each) => isOfJobs(each) && each.flag === `run ${option}`)?.variable;
}
