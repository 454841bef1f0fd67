import type { LogRows } from "./log-rows.ts";
import { plainOf } from "./style.ts";

/** How compilers, test runners, shells and interpreters begin to tell of an error. */
const TELLS = [
  /^\s*(?:[A-Z]\w*)?(?:Error|Exception)\b(?:\s*\[|:|$)/,
  /^\s*(?:error|fatal|panic|critical)(?:\[\w+\])?(?:\s*[:!(]|\b\s+TS\d)/i,
  /(?::\d+(?::\d+)?|\))\s*[:-]?\s*(?:fatal )?error\b/i,
  /^\s*(?:npm (?:ERR!|error)|not ok\b|Traceback \(most recent call last\)|thread '.*' panicked|##\[error\]|::error)/,
  /^\s*(?:FAIL(?:ED|URE)?\b|--- FAIL:|✗|✘|✖|×|❌)/,
  /\b(?:command not found|No such file or directory|Permission denied|Segmentation fault|core dumped|Cannot find module|Killed)\b/,
  /\bAssertionError\b|\bUnhandled(?:PromiseRejection)?\b/,
];

/** Words of errors that say there was none. */
const HARMLESS = /\b(?:0|no|without)\s+(?:errors?|failures?|failed)\b|\b(?:errors?|failures?|failed)\s*[:=]\s*0\b/i;

/** Whether a line looks like the first word of a failure. */
export function looksLikeError(line: string): boolean {
  // What is longer is data; and no pattern needs to go through it.
  const text = plainOf(line.slice(0, 2_000));
  return TELLS.some((pattern) => pattern.test(text)) && !HARMLESS.test(text);
}

/** The first row from `from` to before `to` that looks like an error; undefined where none does. */
export function firstError(rows: LogRows, from: number, to: number): number | undefined {
  for (let index = Math.max(from, rows.begin); index < Math.min(to, rows.end); index += 1) {
    const { kind, text } = rows.row(index);
    if (kind === "text" && looksLikeError(text)) return index;
  }
  return undefined;
}
