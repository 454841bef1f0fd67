import { useCallback, useRef, useState } from "react";
import type { JobRow } from "./job-row.ts";

/** The jobs that are selected, by number; a range goes from the one that was last touched. */
export function useSelection(rows: readonly JobRow[]) {
  const [selected, setSelected] = useState<ReadonlySet<number>>(new Set());
  const anchor = useRef<number | null>(null);
  const toggle = useCallback(
    (index: number, isRange: boolean): void => {
      const row = rows[index];
      if (!row) return;
      const from = isRange && anchor.current !== null ? rows.findIndex(({ number }) => number === anchor.current) : -1;
      anchor.current = row.number;
      setSelected((before) => {
        const next = new Set(before);
        if (from >= 0) for (const { number } of rows.slice(Math.min(from, index), Math.max(from, index) + 1)) next.add(number);
        else if (!next.delete(row.number)) next.add(row.number);
        return next;
      });
    },
    [rows],
  );
  const all = useCallback((): void => setSelected(new Set(rows.map(({ number }) => number))), [rows]);
  const clear = useCallback((): void => {
    anchor.current = null;
    setSelected(new Set());
  }, []);
  return { selected, toggle, all, clear };
}
