/** A document's times as people and other programs read them: numbers in fields that end in `At`, and in `at`, become ISO 8601 in UTC; all else stays. */
export function withIsoTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withIsoTimes);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, isTime(key, one) ? new Date(one).toISOString() : withIsoTimes(one)]));
}

function isTime(key: string, value: unknown): value is number {
  return typeof value === "number" && (key === "at" || key.endsWith("At"));
}
