import type { JobEvent, TurnResources, Usage } from "@slipway/protocol/events";
import type { JobView } from "@slipway/protocol/job";

/** A limit of a job, and what of it is spent. */
export interface SpentShare {
  readonly what: "tokens" | "usd";
  readonly spent: number;
  readonly limit: number | null;
}

/** What the job spent on models, against its limits. */
export function spentOf({ usage, budget }: Pick<JobView, "usage" | "budget">): SpentShare[] {
  return [
    { what: "tokens", spent: usage.inputTokens + usage.outputTokens, limit: budget.tokens ?? null },
    { what: "usd", spent: usage.costUsd, limit: budget.usd ?? null },
  ];
}

/** What its model calls came to, by model. */
export interface ModelUse {
  readonly model: string;
  readonly calls: number;
  readonly failed: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly usd: number;
  readonly ms: number;
}

export function modelsOf(events: readonly JobEvent[]): ModelUse[] {
  const all = new Map<string, ModelUse>();
  for (const event of events) {
    if (event.kind !== "model-call") continue;
    const { provider, model, outcome, usage, durationMs } = event.data;
    const name = `${provider}/${model}`;
    const so = all.get(name) ?? { model: name, calls: 0, failed: 0, tokensIn: 0, tokensOut: 0, usd: 0, ms: 0 };
    all.set(name, {
      model: name,
      calls: so.calls + 1,
      failed: so.failed + (outcome === "ok" ? 0 : 1),
      tokensIn: so.tokensIn + usage.inputTokens,
      tokensOut: so.tokensOut + usage.outputTokens,
      usd: so.usd + usage.costUsd,
      ms: so.ms + durationMs,
    });
  }
  return [...all.values()].toSorted((one, other) => other.usd - one.usd || other.calls - one.calls);
}

/** What its turns took of the machine together: their processor time, and the most memory that any of them held; null where no runner told. */
export function machineOf(events: readonly JobEvent[]): TurnResources | null {
  const told = events.flatMap((event) => (event.kind === "turn" && event.data.resources ? [event.data.resources] : []));
  const machine = {
    cpuMs: told.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    peakMemoryBytes: Math.max(0, ...told.map(({ peakMemoryBytes }) => peakMemoryBytes)),
  };
  // Turns that were over before anybody looked tell nothing.
  return machine.cpuMs > 0 || machine.peakMemoryBytes > 0 ? machine : null;
}

/** Whether anything was spent. */
export function isUsed({ inputTokens, outputTokens, costUsd }: Usage): boolean {
  return inputTokens + outputTokens > 0 || costUsd > 0;
}
