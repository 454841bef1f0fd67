import { invalidField } from "../http/errors.ts";

/** Where a page of jobs ended, as opaque text: callers hand it back and read nothing into it. */
export function encodeCursor(before: number): string {
  return Buffer.from(JSON.stringify({ before })).toString("base64url");
}

/** The number that the page before ended with; INVALID_REQUEST for what is not a cursor of ours. */
export function decodeCursor(cursor: string): number {
  try {
    const { before } = JSON.parse(Buffer.from(cursor, "base64url").toString()) as { before?: unknown };
    if (typeof before === "number" && Number.isSafeInteger(before) && before > 0) return before;
  } catch {
    // Not ours; the answer below says so.
  }
  throw invalidField("cursor", cursor, "expected the `nextCursor` of the page before");
}
