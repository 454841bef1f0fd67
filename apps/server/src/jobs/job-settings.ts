import type { Budget } from "@slipway/protocol/budget";
import type { JobDefaults } from "@slipway/protocol/installation-config";
import type { SubmitJob } from "@slipway/protocol/job";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { RouteWish } from "../routing/plan-route.ts";
import type { NewJob } from "../store/store.ts";

/** What a job has by its submission, else by its repository, else by the installation. */
export type JobSettings = Pick<RouteWish, "asked" | "needs" | "fallbacks"> &
  Pick<NewJob, "lane" | "maxAttempts" | "timeoutMs" | "stallMs" | "queueTimeoutMs" | "budget" | "record">;

/** Settles each thing on its own, each limit of the budget too: a job that sets one limit keeps the others. */
export function jobSettings(input: Omit<SubmitJob, "images">, config: RepositoryConfig, defaults: JobDefaults): JobSettings {
  return {
    asked: input.backend ?? config.backend ?? defaults.backend,
    needs: input.needs ?? config.needs ?? [],
    fallbacks: input.fallbacks ?? config.fallbacks ?? [],
    lane: input.lane ?? defaults.lane,
    maxAttempts: input.maxAttempts ?? defaults.maxAttempts,
    timeoutMs: input.timeoutMs ?? inMs(config.timeoutSeconds ?? defaults.timeoutSeconds),
    stallMs: input.stallMs ?? inMs(config.stallSeconds ?? defaults.stallSeconds),
    queueTimeoutMs: input.queueTimeoutMs ?? inMs(defaults.queueTimeoutSeconds),
    budget: { ...limitsOf(defaults.budget), ...limitsOf(config.budget), ...limitsOf(input.budget) },
    record: input.record ?? defaults.record,
  };
}

function inMs(seconds: number): number {
  return Math.round(seconds * 1_000);
}

/** Without what is there as undefined, which would hide the limit below it. */
function limitsOf(budget: Budget = {}): Budget {
  return Object.fromEntries(Object.entries(budget).filter(([, limit]) => limit !== undefined));
}
