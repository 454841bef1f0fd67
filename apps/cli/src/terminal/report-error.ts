import { type SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { createColors } from "picocolors";
import { exitCodeOfError } from "../exit-codes.ts";
import { printable } from "./text.ts";

/** Details that the message or the hint already say. */
const SAID_ELSEWHERE: ReadonlySet<string> = new Set(["hint", "problems"]);

/** Shows an error as `error CODE: message`, the hint and the details, and gives the exit code. */
export function reportError(thrown: unknown, json: boolean): number {
  const error = toSlipwayError(thrown);
  if (json) process.stdout.write(`${JSON.stringify(error.toJSON(), null, 2)}\n`);
  else process.stderr.write(`${errorLines(error).join("\n")}\n`);
  if (process.env["SLIPWAY_TRACE"] === "1") process.stderr.write(`${error.stack}\n${error.cause instanceof Error ? error.cause.stack : ""}\n`);
  return exitCodeOfError(error);
}

function errorLines(error: SlipwayError): string[] {
  const colors = createColors(process.stderr.isTTY === true && !process.env["NO_COLOR"]);
  const details = Object.entries(error.details)
    .filter(([key, value]) => !SAID_ELSEWHERE.has(key) && value !== null && value !== undefined)
    .map(([key, value]) => colors.dim(`  ${key}: ${printable(typeof value === "string" ? value : JSON.stringify(value)).slice(0, 500)}`));
  return [`${colors.red(`error ${error.code}:`)} ${printable(error.message)}`, printable(error.hint), ...details];
}
