import type { Checks } from "./forge.ts";

/** How one check of a host ended, in the host's own word. */
export interface Verdict {
  readonly name: string;
  readonly ending: string;
  readonly summary: string;
  readonly url: string | null;
}

const PENDING = new Set([
  "pending",
  "queued",
  "in_progress",
  "waiting",
  "requested",
  "created",
  "running",
  "preparing",
  "waiting_for_resource",
  "scheduled",
  "manual",
]);
const GREEN = new Set(["success", "neutral", "skipped"]);

/** All checks as one; what is neither green nor under way is red. */
export function checksOf(verdicts: readonly Verdict[]): Checks {
  const failing = verdicts.filter(({ ending }) => !PENDING.has(ending) && !GREEN.has(ending)).map(({ name, summary, url }) => ({ name, summary, url }));
  if (failing.length > 0) return { state: "red", failing };
  if (verdicts.some(({ ending }) => PENDING.has(ending))) return { state: "pending", failing };
  return { state: verdicts.length === 0 ? "none" : "green", failing };
}
