import { createHash } from "node:crypto";
import type { RunSummary } from "../gate-output/run-summary.ts";
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
  /** Of the test runners in it, where they are known. */
  readonly tests?: RunSummary | undefined;
}

/**
 * Digest of a failed gate, equal for failures that differ only in times, addresses, temporary names and the place of the workspace. Where the failing tests are
 * known, it is of their names and of how each failed: the order in which they ran and what else was printed mean nothing.
 */
export function failureDigest({ name, exitCode, output, folders = [], tests }: Failed): string {
  const said = tests && isAllNamed(tests) ? tests.failures.map((failure) => `${failure.name}\0${failure.message}`).sort() : [plainText(output).trim()];
  const withoutFolders = (text: string): string => folders.reduce((left, folder, index) => left.replaceAll(folder, `<folder ${index}>`), text);
  return createHash("sha256")
    .update(JSON.stringify([name, exitCode]))
    .update(said.map((text) => withoutAccidents(withoutFolders(text))).join("\0\0"))
    .digest("hex");
}

function isAllNamed({ failed, failures }: RunSummary): boolean {
  return failures.length > 0 && failures.length === failed;
}

function withoutAccidents(text: string): string {
  return ACCIDENTS.reduce((left, [pattern, accident]) => left.replace(pattern, accident), text);
}
