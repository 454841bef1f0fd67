import { type SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { createColors } from "picocolors";
import { exitCodeOfError } from "../exit-codes.ts";
import { failureText } from "./failure-text.ts";
import { printable } from "./text.ts";

/** Shows an error as `error CODE: message`, the hint and the details, and gives the exit code. */
export function reportError(thrown: unknown, json: boolean): number {
  const error = toSlipwayError(thrown);
  if (json) process.stdout.write(`${JSON.stringify(error.toJSON(), null, 2)}\n`);
  else process.stderr.write(`${errorLines(error).join("\n")}\n`);
  if (process.env["SLIPWAY_TRACE"] === "1") process.stderr.write(`${error.stack}\n${error.cause instanceof Error ? error.cause.stack : ""}\n`);
  return exitCodeOfError(error);
}

function errorLines(error: SlipwayError): string[] {
  const colors = createColors(process.stderr.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb");
  const { message, problems, details } = failureText(error);
  return [
    `${colors.red(`error ${error.code}:`)} ${message}`,
    ...problems.map((line) => `  ${line}`),
    printable(error.hint),
    ...details.map((line) => colors.dim(`  ${line}`)),
  ];
}
