import { readFile } from "node:fs/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import { branchSchema, idSchema, nameSchema } from "@slipway/protocol/scalars";
import { InvalidArgumentError } from "commander";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `30m`, `1.5h` in ms; a bare number counts seconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim());
  const ms = match ? Number(match[1]) * (UNIT_MS[match[2] ?? "s"] ?? 0) : 0;
  if (!match || ms < 1) throw new InvalidArgumentError("Expected a time such as 90s, 30m or 2h.");
  return Math.round(ms);
}

/** A point in time in ms since 1970: a time from now such as 30m, or an ISO date, in the local zone where it names none. */
export function parseTime(text: string): number {
  return timeOf(text, 1, "Expected a time from now such as 30m, or a date such as 2031-05-04T09:30.");
}

/** The same of what is over: a time back from now such as 2d, or an ISO date. */
export function parsePast(text: string): number {
  return timeOf(text, -1, "Expected a time back from now such as 2d, or a date such as 2031-05-04T09:30.");
}

function timeOf(text: string, direction: 1 | -1, expected: string): number {
  const [, date, rest] = /^(\d{4}-\d{2}-\d{2})(?:[T ](\S+))?$/.exec(text.trim()) ?? [];
  if (date === undefined && /^\d/.test(text.trim()) && !text.includes("-")) return Math.max(0, Date.now() + direction * parseDuration(text));
  // A bare date would be read as UTC.
  const at = date === undefined ? Number.NaN : Date.parse(`${date}T${rest ?? "00:00"}`);
  if (!Number.isFinite(at)) throw new InvalidArgumentError(expected);
  return at;
}

/** A whole number within bounds, for commander. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text.trim()) || value < min || value > max) throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    return value;
  };
}

const UNIT_TOKENS: Readonly<Record<string, number>> = { "": 1, k: 1_000, m: 1_000_000 };

/** `5000`, `200k`, `1.5m`: a number of tokens. */
export function parseTokens(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(k|m)?$/i.exec(text.trim().replaceAll("_", ""));
  const count = match ? Math.round(Number(match[1]) * (UNIT_TOKENS[match[2]?.toLowerCase() ?? ""] ?? 0)) : 0;
  if (count < 1 || !Number.isSafeInteger(count)) throw new InvalidArgumentError("Expected a number of tokens such as 50000, 200k or 1.5m.");
  return count;
}

/** `true` or `1`, `false` or `0`: what a variable says in place of an option without a value; undefined is the option itself. */
export function parseSwitch(text: string | undefined): boolean {
  if (text === undefined) return true;
  const value = { true: true, "1": true, false: false, "0": false }[text.trim().toLowerCase()];
  if (value === undefined) throw new InvalidArgumentError("Expected true or false.");
  return value;
}

/** `2.50` or `$2.50`: US dollars. `.50` is refused: it is what a shell makes of an unquoted `$2.50`. */
export function parseDollars(text: string): number {
  const match = /^\$?(\d+(?:\.\d+)?)$/.exec(text.trim());
  const usd = Number(match?.[1] ?? 0);
  if (usd <= 0) throw new InvalidArgumentError(`Expected US dollars such as 2.50, without the $ (a shell takes $2 for a variable); found "${text}".`);
  return usd;
}

/** A job's number or id, so that a typing error needs no server to be found. */
export function parseJob(text: string): string {
  if (/^[1-9]\d*$/.test(text) || idSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError("Expected a job's number or id, as `slipway jobs` lists them.");
}

/** Jobs, one at a time. */
export function gatherJobs(text: string, before: string[] = []): string[] {
  return [...before, parseJob(text)];
}

/** Capabilities of workers, one at a time. */
export function gatherCapabilities(text: string, before: string[] = []): string[] {
  if (!nameSchema.safeParse(text).success) throw new InvalidArgumentError("Expected a worker's capability such as os:linux or gpu.");
  return [...before, text];
}

/** A branch's short name. */
export function parseBranch(text: string): string {
  if (branchSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError("Expected a branch name that git accepts, such as main.");
}

/** Gathers an option that may be given more than once. */
export function gather(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** A setting that came as text, and where it came from, for messages: a file, or the option itself. */
export interface SettingText {
  readonly text: string;
  readonly source: string;
}

export interface Settings {
  readonly values: Record<string, unknown>;
  /** Those of the values that are text and were not JSON. */
  readonly texts: ReadonlyMap<string, SettingText>;
}

/**
 * `key=value` pairs as settings. A value that is JSON counts as such, anything else as text; `key=@file` takes the text of a file.
 * INVALID_REQUEST where a pair has no `=` or a file cannot be read.
 */
export async function parseSettings(pairs: readonly string[]): Promise<Settings> {
  const values: Record<string, unknown> = {};
  const texts = new Map<string, SettingText>();
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) {
      const hint = "Such as --backend-config script=@steps.yaml.";
      throw new SlipwayError("INVALID_REQUEST", `--backend-config expects key=value or key=@file; found "${pair}".`, { hint });
    }
    const [name, given] = [pair.slice(0, at), pair.slice(at + 1)];
    const json = parsedJson(given);
    const text = given.startsWith("@") ? await fileText(given.slice(1)) : given;
    if (json === undefined) texts.set(name, { text, source: given.startsWith("@") ? given.slice(1) : `--backend-config ${name}` });
    else texts.delete(name);
    values[name] = json === undefined ? text : json;
  }
  return { values, texts };
}

async function fileText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new SlipwayError(
      "INVALID_REQUEST",
      `The file ${path} of --backend-config cannot be read.`,
      { hint: "Check the path; it is relative to the current folder." },
      { cause: error },
    );
  }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Plain text is the usual case, not a mistake.
  }
}
