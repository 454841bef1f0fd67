/** Times whose names do not end in `At`. */
const TIMES: ReadonlySet<string> = new Set(["at", "runAfter", "leaseUntil", "deadline"]);
/** What others wrote: their numbers stay theirs, whatever they are called. */
const FOREIGN: ReadonlySet<string> = new Set(["backendConfig", "details", "config"]);

/** A document's times as people and other programs read them, ISO 8601 in UTC; in the API they are numbers. All else stays. */
export function withIsoTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withIsoTimes);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, converted(key, one)]));
}

function converted(key: string, value: unknown): unknown {
  if (FOREIGN.has(key)) return value;
  return typeof value === "number" && (TIMES.has(key) || key.endsWith("At")) ? new Date(value).toISOString() : withIsoTimes(value);
}
