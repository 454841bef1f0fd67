/** One measured figure. `values` are single measurements; the summary is made from them. */
export interface Figure {
  readonly name: string;
  readonly unit: "ms" | "KiB" | "%" | "jobs/s" | "lines/s" | "lines" | "MiB" | "×";
  readonly count: number;
  readonly median: number;
  readonly p99: number | null;
  /** What it is held against, such as `p99 < 25 ms`; null for a part of another figure. */
  readonly bar: string | null;
  /** Measured by the bar: below 1 is within it. Null where there is no bar. */
  readonly ratio: number | null;
  readonly note?: string;
}

interface Bar {
  readonly of: "median" | "p99";
  readonly limit: number;
  /** `below`: smaller is better. */
  readonly side: "below" | "above";
}

/** Summary of single measurements. */
export function figure(name: string, unit: Figure["unit"], values: readonly number[], bar?: Bar, note?: string): Figure {
  const median = quantile(values, 0.5);
  const p99 = values.length >= 20 ? quantile(values, 0.99) : null;
  const measured = bar?.of === "p99" ? (p99 ?? Math.max(...values)) : median;
  const ratio = bar === undefined ? null : bar.side === "below" ? measured / bar.limit : bar.limit / measured;
  const text = bar === undefined ? null : `${bar.of === "p99" ? "p99" : "median"} ${bar.side === "below" ? "<" : "≥"} ${bar.limit} ${unit}`;
  return { name, unit, count: values.length, median, p99, bar: text, ratio, ...(note === undefined ? {} : { note }) };
}

/** The value below which `q` of the values lie (nearest rank). */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}
