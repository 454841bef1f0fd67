import { useEffect, useRef, useState } from "react";
import type { LogRows } from "./log-rows.ts";
import { FOUND_LIMIT, nextOf, search } from "./search.ts";

/** Rows that are looked through before the page may do something else. */
const STEP_ROWS = 20_000;

/** What a search has found so far. */
export interface Found {
  readonly rows: readonly number[];
  /** Index in `rows` of the one that the reader is at; -1 before the first. */
  readonly at: number;
  readonly isBusy: boolean;
  readonly go: (step: 1 | -1) => void;
}

/**
 * Looks for a pattern in rows, a part at a time, and in those that come. `subject` tells other rows apart from more of the same; `onGo` is called with the row
 * that the reader goes to, first with the nearest one behind `startAt()`.
 */
export function useSearch(rows: LogRows, subject: unknown, pattern: RegExp | undefined, startAt: () => number, onGo: (row: number) => void): Found {
  const [found, setFound] = useState<{ rows: number[]; at: number; isBusy: boolean }>({ rows: [], at: -1, isBusy: false });
  const progress = useRef({ subject, pattern, next: rows.begin, rows: [] as number[], at: -1 });
  const calls = useRef({ rows, startAt, onGo });
  calls.current = { rows, startAt, onGo };
  const { closed } = rows;
  // biome-ignore lint/correctness/useExhaustiveDependencies: with more rows there is more to look through
  useEffect(() => {
    const so = progress.current;
    if (so.subject !== subject || so.pattern !== pattern) Object.assign(so, { subject, pattern, next: calls.current.rows.begin, rows: [], at: -1 });
    if (!pattern) {
      setFound((before) => (before.rows.length === 0 ? before : { rows: [], at: -1, isBusy: false }));
      return undefined;
    }
    let timer: ReturnType<typeof setTimeout>;
    const step = (): void => {
      const current = calls.current;
      const to = Math.min(so.next + STEP_ROWS, current.rows.closed);
      const more = so.rows.length < FOUND_LIMIT ? search(current.rows, pattern, so.next, to) : [];
      so.next = Math.max(to, current.rows.begin);
      if (more.length > 0) so.rows = [...so.rows, ...more].filter((row) => row >= current.rows.begin);
      const isBusy = so.next < current.rows.closed;
      if (so.at < 0 && so.rows.length > 0 && (!isBusy || (so.rows.at(-1) ?? 0) >= current.startAt())) {
        so.at = nextOf(so.rows, current.startAt() - 1, 1);
        current.onGo(so.rows[so.at] ?? 0);
      }
      setFound({ rows: so.rows, at: so.at, isBusy });
      if (isBusy) timer = setTimeout(step);
    };
    timer = setTimeout(step);
    return () => clearTimeout(timer);
  }, [subject, pattern, closed]);
  const go = (step: 1 | -1): void => {
    const so = progress.current;
    if (so.rows.length === 0) return;
    so.at = (so.at + step + so.rows.length) % so.rows.length;
    setFound((before) => ({ ...before, at: so.at }));
    onGo(so.rows[so.at] ?? 0);
  };
  return { ...found, go };
}
