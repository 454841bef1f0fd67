import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useKeys } from "../../../parts/keys.ts";
import { firstError } from "./first-error.ts";
import { LineDialog } from "./line-dialog.tsx";
import css from "./log.module.css";
import { LogBar } from "./log-bar.tsx";
import { LogRow } from "./log-row.tsx";
import { type LogRows, rowsOf } from "./log-rows.ts";
import type { LogLine, LogStore } from "./log-store.ts";
import { patternOf } from "./search.ts";
import { plainOf } from "./style.ts";
import { useSearch } from "./use-search.ts";

/** Height of a line that is not wrapped, which the style sheet gets in whole pixels: what is measured is then what was thought. */
const ROW_REM = 1.3;

/** A log with more rows is large. */
const LARGE_ROWS = 20_000;

interface LogViewProps {
  readonly store: LogStore;
  /** Null: all of them. */
  readonly stream: string | null;
  /** Whether more may come, so that there is something to follow. */
  readonly isLive: boolean;
  /** The line that the address names. */
  readonly line: number | null;
  readonly onLine: (line: number) => void;
  readonly label: string;
  /** What stands before the search. */
  readonly choice?: ReactNode;
  /** What is shown where nothing is there. */
  readonly empty: ReactNode;
  readonly isShort?: boolean;
}

/** The lines of a log, of which only those on the screen are in the page: search, follow, wrap, and the first error. Shown anew by whoever shows it. */
export function LogView({ store, stream, isLive, line, onLine, label, choice, empty, isShort = false }: LogViewProps) {
  const rows = rowsOf(store, stream);
  const scroller = useRef<HTMLDivElement>(null);
  const [words, setWords] = useState("");
  const [isWrapped, setWrapped] = useState(true);
  const [isFollowing, setFollowing] = useState(isLive && line === null);
  const [opened, setOpened] = useState<LogLine | null>(null);
  const [marked, setMarked] = useState<number | null>(null);
  const [said, setSaid] = useState("");
  const count = rows.end - rows.begin;
  const rowPx = useMemo(() => Math.round(ROW_REM * Number.parseFloat(getComputedStyle(document.documentElement).fontSize)), []);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPx,
    overscan: 8,
    getItemKey: (index) => rows.begin + index,
  });
  // What is above stays in its place while it is measured. In a large log each row of it would have all places counted anew.
  virtual.shouldAdjustScrollPositionOnItemSizeChange = count > LARGE_ROWS ? () => false : undefined;
  const goTo = (row: number): void => {
    setFollowing(false);
    setMarked(row);
    virtual.scrollToIndex(row - rows.begin, { align: "center" });
  };
  const pattern = useMemo(() => patternOf(words), [words]);
  const subject = `${stream}`;
  const found = useSearch(rows, subject, pattern, () => rows.begin + (virtual.range?.startIndex ?? 0), goTo);
  useAddressedLine(rows, line, goTo);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (isFollowing && element) element.scrollTop = element.scrollHeight;
  });
  const lastTop = useRef(0);
  const onScroll = (): void => {
    const element = scroller.current;
    if (!element) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 4;
    if (element.scrollTop < lastTop.current - 2 && !isAtEnd) setFollowing(false);
    else if (isAtEnd && isLive && element.scrollTop > lastTop.current) setFollowing(true);
    lastTop.current = element.scrollTop;
  };
  const toFirstError = (): void => {
    const row = firstError(rows, rows.begin, rows.end);
    setSaid(row === undefined ? "No line looks like an error." : "");
    if (row !== undefined) goTo(row);
  };
  useKeys({
    e: toFirstError,
    n: () => found.go(1),
    "Shift+N": () => found.go(-1),
    f: () => isLive && setFollowing(!isFollowing),
    w: () => setWrapped(!isWrapped),
  });
  useEffect(() => {
    if (!isLive) setFollowing(false);
  }, [isLive]);
  return (
    <div className={css["view"]}>
      <LogBar
        {...{ words, setWords, found, isWrapped, setWrapped, isFollowing, isLive, said, toFirstError }}
        setFollowing={setFollowing}
        choice={choice}
        text={() => textOf(rows)}
      />
      {count === 0 ? (
        empty
      ) : (
        <section
          ref={scroller}
          className={`${css["lines"]} ${isShort ? css["short"] : ""}`}
          // As high as its lines, and no higher than the style sheet allows; what is below is where a bar to scroll with may be.
          style={{ height: virtual.getTotalSize() + 18 }}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
          tabIndex={0}
          aria-label={label}
          onScroll={onScroll}
        >
          <div className={css["all"]} style={{ height: virtual.getTotalSize(), lineHeight: `${rowPx}px` }}>
            <div className={css["shown"]} style={{ transform: `translateY(${virtual.getVirtualItems()[0]?.start ?? 0}px)` }}>
              {virtual.getVirtualItems().map(({ key, index }) => {
                const row = rows.row(rows.begin + index);
                return (
                  <div key={key} data-index={index} ref={isWrapped ? virtual.measureElement : undefined}>
                    <LogRow
                      {...row}
                      isNamed={stream === null}
                      isWrapped={isWrapped}
                      pattern={pattern}
                      isMarked={rows.begin + index === marked}
                      onPick={onLine}
                      onOpen={setOpened}
                    />
                  </div>
                );
              })}
            </div>
          </div>
        </section>
      )}
      <LineDialog line={opened} onClose={() => setOpened(null)} />
    </div>
  );
}

/** Goes to the line that the address names, as soon as it is there; once for each. */
function useAddressedLine(rows: LogRows, line: number | null, goTo: (row: number) => void): void {
  const went = useRef<number | null>(null);
  useEffect(() => {
    if (line === null || went.current === line) return;
    const row = rows.indexOf(line);
    if (row === undefined) return;
    went.current = line;
    goTo(row);
  });
}

/** All that is held of it, without colours. */
function textOf(rows: LogRows): string {
  const lines: string[] = [];
  for (let index = rows.begin; index < rows.end; index += 1) {
    const { kind, text } = rows.row(index);
    if (kind === "text") lines.push(plainOf(text));
  }
  return lines.join("\n");
}
