import type { LogRows } from "./log-rows.ts";
import { plainOf } from "./style.ts";

/** Of so many rows at most a search tells where they are. */
export const FOUND_LIMIT = 100_000;

/** The words of a search as they stand, in whichever case; undefined for no words. */
export function patternOf(words: string): RegExp | undefined {
  return words === "" ? undefined : new RegExp(words.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "gi");
}

/** Rows from `from` to before `to` with text that fits, in their order. */
export function search(rows: LogRows, pattern: RegExp, from: number, to: number): number[] {
  const found: number[] = [];
  for (let index = Math.max(from, rows.begin); index < Math.min(to, rows.end); index += 1) {
    pattern.lastIndex = 0;
    if (pattern.test(plainOf(rows.row(index).text))) found.push(index);
  }
  return found;
}

/** The index in `found`, which is in order, of the next row behind `from`, or before it; round at both ends. -1 where nothing was found. */
export function nextOf(found: readonly number[], from: number, step: 1 | -1): number {
  if (found.length === 0) return -1;
  const at = step > 0 ? found.findIndex((row) => row > from) : found.findLastIndex((row) => row < from);
  return at >= 0 ? at : step > 0 ? 0 : found.length - 1;
}
