import { z } from "zod";

/** A JSON pointer (RFC 6901): `/message/content/0/text`; the empty text is the whole. */
export const pointerSchema = z
  .string()
  .max(500)
  .regex(/^(\/([^~]|~[01])*)?$/, "expected a JSON pointer such as /message/text (RFC 6901)");

/** What a pointer leads to; undefined where there is nothing. */
export function valueAt(document: unknown, pointer: string): unknown {
  let at = document;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** What a pointer leads to as a text: a text itself, any other value as JSON; undefined where there is nothing. */
export function textAt(document: unknown, pointer: string): string | undefined {
  const value = valueAt(document, pointer);
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
