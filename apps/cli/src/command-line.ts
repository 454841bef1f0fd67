import { SlipwayError } from "@slipway/protocol/errors";
import { CommanderError } from "commander";
import { EXIT_CODES } from "./exit-codes.ts";
import { slipwayProgram } from "./program.ts";
import { reportError } from "./terminal/report-error.ts";
import { endQuietlyOnClosedPipe } from "./terminal/screen.ts";

/** Runs one command and sets the exit code. See `program.ts` for the commands and `exit-codes.ts` for what it ends with. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  endQuietlyOnClosedPipe();
  try {
    await slipwayProgram().parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) process.exitCode = reportError(error, argv.includes("--json"));
    // Help and version, which commander has printed; without a command, help is all there is to say.
    else if (error.exitCode === 0 || error.code === "commander.help") process.exitCode = error.exitCode === 0 ? EXIT_CODES.ok.code : EXIT_CODES.usage.code;
    else process.exitCode = reportError(usageError(error), argv.includes("--json"));
  }
}

/** Commander's message in the form that all errors have. */
export function usageError({ message }: CommanderError): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", message.replace(/^error: /, "").trimEnd(), { hint: "See `slipway --help`, or --help after a command." });
}
