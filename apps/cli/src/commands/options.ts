import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { isSandboxKind } from "../stack/sandbox-probe.ts";
import { Screen } from "../terminal/screen.ts";

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly data?: string;
}

/** Adds `--json` and `--data` to a command. */
export function withCommon(command: Command): Command {
  return command
    .option("--json", "one JSON document on standard output")
    .option("--data <folder>", "data folder (default: $SLIPWAY_DATA, or ~/.local/share/slipway)");
}

export function screenOf(options: CommonOptions & { quiet?: boolean }): Screen {
  return new Screen({ json: options.json ?? false, quiet: options.quiet ?? false });
}

/** For commander. */
export function parseSandbox(text: string): SandboxKind {
  if (isSandboxKind(text)) return text;
  throw new InvalidArgumentError("Expected bwrap, docker or none.");
}

/** Ends a command with an exit code that is not an error. */
export function exitWith(code: number): void {
  process.exitCode = code;
}
