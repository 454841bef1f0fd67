import { closeSync, openSync, readSync, statSync } from "node:fs";
import { isErrorCode } from "@slipway/protocol/errors";
import type { StackFailure } from "./messages.ts";

const TAIL_LIMIT_BYTES = 65_536;
const PINO_ERROR_LEVEL = 50;
const PINO_FATAL_LEVEL = 60;

/** Lines of a log from a byte offset on, at most the last 64 KiB. */
export function tailLines(path: string, from = 0): string[] {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const start = Math.max(Math.min(from, size), size - TAIL_LIMIT_BYTES);
  const buffer = Buffer.alloc(size - start);
  if (buffer.length === 0) return [];
  const file = openSync(path, "r");
  try {
    readSync(file, buffer, 0, buffer.length, start);
  } finally {
    closeSync(file);
  }
  return buffer
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
}

/** Why a part could not start: the newest error in its log that carries a code, else the newest words of any kind. */
export function failureInLog(path: string, from: number): StackFailure | undefined {
  return failureInLines(tailLines(path, from));
}

/** The same of lines that a process has written. */
export function failureInLines(lines: readonly string[]): StackFailure | undefined {
  for (const line of lines.toReversed()) {
    const failure = failureOf(line);
    if (failure) return failure;
  }
  const words = lines.filter((line) => /error/i.test(line)).at(-1) ?? lines.at(-1);
  return words === undefined ? undefined : { code: "INTERNAL", message: words.slice(0, 500), details: {} };
}

/** Whether the log holds a fatal error from a byte offset on. */
export function hasFatalError(path: string, from: number): boolean {
  return tailLines(path, from).some((line) => Number(parse(line)?.["level"]) >= PINO_FATAL_LEVEL);
}

/** A pino line with an error, or a plain `error CODE: message`. */
function failureOf(line: string): StackFailure | undefined {
  const plain = /^error ([A-Z_]+): (.*)$/.exec(line);
  if (plain && isErrorCode(plain[1])) return { code: plain[1], message: plain[2] ?? "", details: {} };
  const entry = parse(line);
  if (!entry || Number(entry["level"]) < PINO_ERROR_LEVEL) return undefined;
  for (const holder of [entry, entry["err"], entry["error"]] as Array<Record<string, unknown> | undefined>) {
    if (holder && typeof holder === "object" && isErrorCode(holder["code"])) {
      const details = holder["details"];
      return {
        code: holder["code"],
        message: String(holder["message"] ?? entry["msg"] ?? ""),
        details: { ...(typeof details === "object" ? details : {}), ...(typeof holder["hint"] === "string" ? { hint: holder["hint"] } : {}) },
      };
    }
  }
  const err = entry["err"] as { message?: unknown } | undefined;
  return { code: "INTERNAL", message: String(err?.message ?? entry["msg"] ?? line).slice(0, 500), details: {} };
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // Not a log entry: a crash's own words.
  }
}
