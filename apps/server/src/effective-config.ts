import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SECRET_VARIABLE_PREFIX, secretsFolder } from "@slipway/process/secret-file";
import type { DayBudget } from "@slipway/protocol/budget";
import type { EffectiveConfig, ValueOrigin } from "@slipway/protocol/effective-config";
import type { Forges } from "@slipway/protocol/forge-settings";
import { type JobDefaults, jobDefaultsSchema } from "@slipway/protocol/installation-config";
import { CIRCUIT_LIMITS, type CircuitLimits } from "./store/circuit-limits.ts";

const DAY_MS = 86_400_000;

/** What of a server's options is told. */
interface ToldOptions {
  readonly host: string;
  readonly port: number;
  readonly allowRemote: boolean;
  readonly allowedOrigins: readonly string[];
  readonly log: { readonly level: string };
  readonly jobDefaults?: JobDefaults;
  readonly dayBudget?: DayBudget;
  readonly circuitLimits?: CircuitLimits;
  readonly extraCaCerts?: string | undefined;
  readonly forges?: Forges;
  readonly pullRequestPollMs?: number;
  readonly origins?: readonly ValueOrigin[];
}

/** What a server runs with, by the keys of slipway.yaml, and where each value came from. */
export function effectiveConfigValues(options: ToldOptions, retentionMs: number): EffectiveConfig["values"] {
  const { dayBudget = {}, circuitLimits = CIRCUIT_LIMITS, jobDefaults = jobDefaultsSchema.parse({}) } = options;
  const { budget, ...jobs } = jobDefaults;
  const values: Array<readonly [key: string, value: unknown]> = [
    ["logLevel", options.log.level],
    ["server.port", options.port],
    ["server.host", options.host],
    ["server.allowRemote", options.allowRemote],
    ["server.allowedOrigins", options.allowedOrigins],
    ["server.retentionDays", retentionMs / DAY_MS],
    ["server.dayBudget.tokens", dayBudget.tokens ?? null],
    ["server.dayBudget.usd", dayBudget.usd ?? null],
    // Names of secrets, never a secret.
    ["server.forges", options.forges ?? {}],
    ["server.pullRequestPollSeconds", (options.pullRequestPollMs ?? 60_000) / 1_000],
    ["server.circuitFaults", circuitLimits.faults],
    ["server.circuitCoolDownSeconds", circuitLimits.coolDownMs / 1_000],
    ["extraCaCerts", options.extraCaCerts ?? null],
    ...Object.entries(jobs).map(([key, value]) => [`jobs.${key}`, value ?? null] as const),
    ...(["tokens", "usd", "attemptTokens", "attemptUsd"] as const).map((key) => [`jobs.budget.${key}`, budget[key] ?? null] as const),
  ];
  const origins = new Map(options.origins?.map(({ key, from }) => [key, from]));
  return values.map(([key, value]) => ({ key, value, from: origins.get(key) ?? "default" }));
}

/** The secrets for git hosts and repositories' addresses by their names. What they hold is never read. */
export async function serverSecrets(data: string, env: NodeJS.ProcessEnv = process.env): Promise<EffectiveConfig["secrets"]> {
  const folder = secretsFolder(data, "server");
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const variables = Object.keys(env).flatMap((name) =>
    name.startsWith(SECRET_VARIABLE_PREFIX) && env[name] ? [name.slice(SECRET_VARIABLE_PREFIX.length)] : [],
  );
  const names = [...new Set([...files, ...variables])].sort();
  return names.map((name) => ({ name, there: true, where: files.includes(name) ? join(folder, name) : SECRET_VARIABLE_PREFIX + name }));
}
