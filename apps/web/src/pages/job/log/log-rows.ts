import type { LogLine, LogStore } from "./log-store.ts";

/** The lines of a log as rows of a list: all of them, or those that show with one stream. A row keeps its index when older ones give way. */
export interface LogRows {
  readonly begin: number;
  /** Behind the last row that does not change any more; what follows are lines that are not ended. */
  readonly closed: number;
  readonly end: number;
  row(index: number): LogLine;
  /** The row of a line by its number; undefined where it is not among the rows. */
  indexOf(number: number): number | undefined;
}

export function rowsOf(store: LogStore, stream: string | null): LogRows {
  return stream === null ? allRows(store) : streamRows(store, stream);
}

function allRows(store: LogStore): LogRows {
  const { firstLine: begin, lines } = store;
  const open = store.streams.flatMap(({ name, builder }) => (builder.open === "" ? [] : [{ name, text: builder.open }]));
  const end = lines + open.length;
  const row = (index: number): LogLine => {
    const { name, text } = open[index - lines] ?? { name: "", text: "" };
    return index < lines ? { ...store.line(index), number: index + 1 } : { kind: "text", text, stream: name, number: index + 1 };
  };
  return { begin, closed: lines, end, row, indexOf: (number) => (number > begin && number <= end ? number - 1 : undefined) };
}

function streamRows(store: LogStore, stream: string): LogRows {
  const found = store.streams[store.placeOf(stream) ?? -1];
  if (!found) return { begin: 0, closed: 0, end: 0, row: () => ({ kind: "mark", text: "", stream, number: 0 }), indexOf: () => undefined };
  const { rows, lines, builder } = found;
  const { begin, end: closed } = rows;
  const { open } = builder;
  const end = closed + (open === "" ? 0 : 1);
  const row = (index: number): LogLine => (index < closed ? store.line(rows.at(index)) : { kind: "text", text: open, stream, number: lines + 1 });
  const indexOf = (number: number): number | undefined => {
    // Marks stand between the lines, so that a line is never before its number's place.
    for (let index = Math.max(begin, number - 1); index < end; index += 1) {
      const line = row(index);
      if (line.number === number) return index;
      if (line.number > number) return undefined;
    }
    return undefined;
  };
  return { begin, closed, end, row, indexOf };
}
