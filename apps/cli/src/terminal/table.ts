import type { Screen } from "./screen.ts";
import { columnsOf, cut, padTo } from "./text.ts";

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly align?: "left" | "right";
  /** Takes what room is left and is cut; one column only. */
  readonly grows?: boolean;
  readonly paint?: (text: string, row: Row) => string;
}

/** Rows in columns as wide as their content, the growing one cut so that a line fits the screen. */
export function tableLines<Row>(screen: Screen, columns: ReadonlyArray<Column<Row>>, rows: readonly Row[]): string[] {
  const cells = rows.map((row) => columns.map((column) => column.text(row)));
  const widths = columns.map((column, index) => Math.max(column.title.length, ...cells.map((line) => columnsOf(line[index] ?? ""))));
  const grown = columns.findIndex((column) => column.grows);
  if (grown >= 0) {
    const others = widths.reduce((sum, width, index) => sum + (index === grown ? 0 : width), 0) + 2 * (columns.length - 1);
    widths[grown] = Math.max(8, Math.min(widths[grown] ?? 0, screen.width - others));
  }
  const place = (text: string, index: number): string => {
    const width = widths[index] ?? 0;
    const short = cut(text, width);
    return columns[index]?.align === "right" ? " ".repeat(width - columnsOf(short)) + short : padTo(short, width);
  };
  const head = columns
    .map((column, index) => place(column.title, index))
    .join("  ")
    .trimEnd();
  const body = rows.map((row, at) =>
    columns
      .map((column, index) => {
        const text = place(cells[at]?.[index] ?? "", index);
        return column.paint ? column.paint(text, row) : text;
      })
      .join("  ")
      .trimEnd(),
  );
  return [screen.colors.dim(head), ...body];
}
