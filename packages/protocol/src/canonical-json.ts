/**
 * JSON with one form for one value, as RFC 8785 has it: keys in the order of their UTF-16 units, nothing between the tokens. Two that are equal give the same
 * bytes, so that a signature over them holds. Throws a TypeError for what JSON cannot tell.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item: unknown) => canonicalJson(item)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    // Plain comparison of strings is that of their UTF-16 units.
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(",")}}`;
  }
  const isNumber = typeof value === "number" && Number.isFinite(value);
  if (value === null || isNumber || typeof value === "boolean" || (typeof value === "string" && value.isWellFormed())) return JSON.stringify(value);
  throw new TypeError(`There is no JSON for ${String(value)}.`);
}
