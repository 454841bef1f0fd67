/** `slipway`: the command line. See `program.ts` for the commands and `exit-codes.ts` for what it ends with. */
import { CommanderError } from "commander";
import { EXIT_CODES } from "./exit-codes.ts";
import { slipwayProgram } from "./program.ts";
import { reportError } from "./terminal/report-error.ts";
import { endQuietlyOnClosedPipe } from "./terminal/screen.ts";

endQuietlyOnClosedPipe();
try {
  await slipwayProgram().parseAsync(process.argv);
} catch (error) {
  // Commander has printed its own message already; help and version end with 0.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT_CODES.ok.code : EXIT_CODES.usage.code;
  else process.exitCode = reportError(error, process.argv.includes("--json"));
}
