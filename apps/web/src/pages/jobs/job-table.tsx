import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Badge, StateBadge } from "../../parts/badge.tsx";
import { money } from "../../parts/format.ts";
import { useKeys } from "../../parts/keys.ts";
import { Ago, Took } from "../../parts/time.tsx";
import type { JobRow } from "./job-row.ts";
import css from "./jobs.module.css";
import type { useSelection } from "./selection.ts";
import { useFreshRows, type useJobList } from "./use-job-list.ts";

const ROW_PX = 46;
/** So many rows before the end the next page is asked for. */
const AHEAD_ROWS = 60;

interface JobTableProps {
  readonly loaded: ReturnType<typeof useJobList>["loaded"];
  readonly onMore: () => void;
  /** Null where nothing can be done with them. */
  readonly selection: ReturnType<typeof useSelection> | null;
}

/** The rows that are on the screen, of any number. `j` and `k` move, `x` selects, Enter opens the link that has the focus. */
export function JobTable({ loaded: { rows, at, nextCursor }, onMore, selection }: JobTableProps) {
  const ref = useRef<HTMLUListElement>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => setMargin(ref.current?.offsetTop ?? 0), []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollMargin: margin,
    getItemKey: (index) => rows[index]?.number ?? index,
  });
  const items = virtual.getVirtualItems();
  const [first, last] = [items[0]?.index ?? 0, items.at(-1)?.index ?? 0];
  const fresh = useFreshRows(rows, at, first, last);
  useEffect(() => {
    if (nextCursor !== null && last >= rows.length - AHEAD_ROWS) onMore();
  }, [last, rows.length, nextCursor, onMore]);

  const cursor = useRef(-1);
  const move = (step: number): void => {
    const next = Math.min(Math.max(cursor.current < 0 ? first : cursor.current + step, 0), rows.length - 1);
    cursor.current = next;
    virtual.scrollToIndex(next, { align: "auto" });
    // The row may have to be made first.
    requestAnimationFrame(() => ref.current?.querySelector<HTMLElement>(`[data-at="${next}"]`)?.focus({ preventScroll: true }));
  };
  const toggle = (isRange: boolean): void => {
    if (cursor.current >= 0) selection?.toggle(cursor.current, isRange);
  };
  const clear = (): void => selection?.clear();
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    x: () => toggle(false),
    "Shift+X": () => toggle(true),
    Escape: clear,
  });
  return (
    <div className={css["table"]} data-selects={selection !== null}>
      <div className={`${css["row"]} ${css["head"]}`}>
        {selection && (
          <span className={css["check"]}>
            <input
              type="checkbox"
              aria-label={`Select all ${rows.length} that are loaded`}
              checked={selection.selected.size > 0 && selection.selected.size === rows.length}
              onChange={({ target }) => (target.checked ? selection.all() : selection.clear())}
            />
          </span>
        )}
        {HEADS.map(([name, text]) => (
          <span key={name} className={css[name]} aria-hidden>
            {text}
          </span>
        ))}
      </div>
      <ul ref={ref} className={css["body"]} style={{ height: virtual.getTotalSize() }} aria-label="Jobs, newest first">
        {items.map(({ index, start, key }) => {
          const row = rows[index];
          if (!row) return null;
          return (
            <li
              key={key}
              ref={virtual.measureElement}
              data-index={index}
              aria-posinset={index + 1}
              aria-setsize={nextCursor === null ? rows.length : -1}
              className={css["row"]}
              data-selected={selection?.selected.has(row.number)}
              style={{ transform: `translateY(${start - margin}px)` }}
              onFocus={() => {
                cursor.current = index;
              }}
            >
              {selection && (
                <span className={css["check"]}>
                  <input
                    type="checkbox"
                    aria-label={`Select job ${row.number}`}
                    checked={selection.selected.has(row.number)}
                    onClick={({ shiftKey }) => selection.toggle(index, shiftKey)}
                    // What is clicked is toggled above, with or without Shift.
                    onChange={() => undefined}
                  />
                </span>
              )}
              <Cells row={fresh.get(row.number) ?? row} index={index} />
            </li>
          );
        })}
      </ul>
    </div>
  );
}

const HEADS = [
  ["state", "State"],
  ["title", "Job"],
  ["repo", "Repository"],
  ["backend", "Backend"],
  ["when", "Submitted"],
  ["took", "Took"],
  ["cost", "Cost"],
] as const;

const Cells = memo(function Cells({ row, index }: { row: JobRow; index: number }) {
  return (
    <>
      <span className={css["state"]}>
        <StateBadge state={row.state} />
      </span>
      <span className={css["title"]}>
        <Link to="/jobs/$job" params={{ job: String(row.number) }} data-row data-at={index} className={css["link"]}>
          <span className={css["number"]}>#{row.number}</span> {row.title}
        </Link>
        <Notes row={row} />
      </span>
      <span className={css["repo"]}>{row.repo}</span>
      <span className={css["backend"]}>{row.kind === "verify" ? "" : row.backend}</span>
      <span className={css["when"]}>
        <Ago at={row.createdAt} />
      </span>
      <span className={css["took"]}>
        <Took from={row.createdAt} to={row.endedAt} />
      </span>
      <span className={css["cost"]}>{row.costUsd > 0 ? money(row.costUsd) : ""}</span>
    </>
  );
});

/** What is out of the ordinary. */
function Notes({ row: { code, kind, taskKind, lane, revision, conflicts, pullRequest, state } }: { row: JobRow }) {
  return (
    <span className={css["notes"]}>
      {code !== null && <Badge tone={state === "failed" ? "bad" : "warn"}>{code}</Badge>}
      {kind === "verify" ? <Badge tone="idle">verification</Badge> : taskKind !== "develop" && <Badge tone="idle">{taskKind}</Badge>}
      {lane !== "normal" && <Badge tone="idle">{lane}</Badge>}
      {revision !== null && <Badge tone="warn">{revision}</Badge>}
      {conflicts && <Badge tone="warn">conflict ahead</Badge>}
      {pullRequest !== null && <Badge tone="info">PR {pullRequest}</Badge>}
    </span>
  );
}
