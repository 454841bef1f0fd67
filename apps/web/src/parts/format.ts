/** Figures and times as people read them, in the words of the command line. */

/** 950 ms, 4.2 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const [unitMs, unit, lowerMs, lower] = UNITS.find(([limitMs]) => ms >= limitMs) ?? LEAST;
  const rest = Math.floor((ms % unitMs) / lowerMs);
  return `${Math.floor(ms / unitMs)} ${unit}${rest > 0 ? ` ${rest} ${lower}` : ""}`;
}

const LEAST = [60_000, "min", 1_000, "s"] as const;
const UNITS = [[86_400_000, "d", 3_600_000, "h"], [3_600_000, "h", 60_000, "min"], LEAST] as const;

/** 512 B, 4.0 KiB, 1.5 MiB. */
export function bytes(count: number): string {
  if (count < 1_024) return `${count} B`;
  const power = Math.min(Math.floor(Math.log2(count) / 10), 4);
  const value = count / 1_024 ** power;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${["KiB", "MiB", "GiB", "TiB"][power - 1]}`;
}

/** $0.0042, $1.25, $1,250. */
export function money(usd: number): string {
  if (usd === 0) return "$0";
  if (usd < 0.01) return `$${usd.toPrecision(2)}`;
  return `$${usd.toLocaleString("en", { minimumFractionDigits: usd < 100 ? 2 : 0, maximumFractionDigits: usd < 100 ? 2 : 0 })}`;
}

/** 812, 3.4k, 1.2M. */
export function count(value: number): string {
  if (value < 1_000) return String(value);
  const [unit, name] = value < 999_950 ? ([1_000, "k"] as const) : ([1_000_000, "M"] as const);
  const short = value / unit;
  return `${short.toFixed(short < 100 ? 1 : 0)}${name}`;
}

/** 1 job, 2 jobs. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${value} ${value === 1 ? one : many}`;
}

/** A moment with its date, in the reader's own time zone. */
export function moment(at: number): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** "3 min ago", "in 4 s"; under a second "now". */
export function distance(at: number, now: number): string {
  const ms = now - at;
  if (Math.abs(ms) < 1_000) return "now";
  const text = duration(Math.floor(Math.abs(ms) / 1_000) * 1_000).replace(".0 s", " s");
  return ms > 0 ? `${text} ago` : `in ${text}`;
}
