import { createHash } from "node:crypto";
import { plainText } from "./plain-text.ts";

/** What differs between two runs of the same failing command and means nothing. */
const ACCIDENTS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?/g, "<time>"],
  [/\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b/g, "<time>"],
  [/\bduration_ms:? ?[\d.]+/g, "<duration>"],
  [/\b\d+(?:[.,]\d+)*\s?(?:ns|µs|us|ms|s|sec|secs|seconds?|m|min|minutes?)\b/g, "<duration>"],
  [/\b0x[0-9a-fA-F]+\b/g, "<address>"],
  [/\/(?:tmp|var\/tmp|var\/folders)\/[^\s:'")\]]+/g, "<temporary>"],
  [/\b(?:pid|process|port|seed)[ :=]+\d+/gi, "<number>"],
  // Node and valgrind begin their lines with the pid.
  [/\(node:\d+\)|==\d+==/g, "<number>"],
  [/127\.0\.0\.1:\d+|localhost:\d+|\[::1?\]:\d+/g, "<address>"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<uuid>"],
];

/** A failed gate, by what it said. */
interface Failed {
  readonly name: string;
  readonly exitCode: number | null;
  readonly output: Uint8Array | string;
  /** Where it ran: these differ from run to run where a sandbox has no place of its own. */
  readonly folders?: readonly string[];
}

/** Digest of a failed gate, equal for failures that differ only in times, addresses, temporary names and the place of the workspace. */
export function failureDigest(failure: Failed): string {
  let text = plainText(failure.output);
  for (const [index, folder] of (failure.folders ?? []).entries()) text = text.replaceAll(folder, `<folder ${index}>`);
  for (const [pattern, name] of ACCIDENTS) text = text.replace(pattern, name);
  return createHash("sha256")
    .update(JSON.stringify([failure.name, failure.exitCode]))
    .update(text.trim())
    .digest("hex");
}
