import type { SlipwayError } from "@slipway/protocol/errors";
import { ERRORS } from "@slipway/protocol/errors";
import type { JobState } from "@slipway/protocol/states";

/** Exit codes of every command: the one table, shown by `slipway --help` and in docs/cli.md. They are promised: scripts rely on them. */
export const EXIT_CODES = {
  ok: { code: 0, when: "all went well; for `run`: the change landed" },
  failed: { code: 1, when: "the job failed, or a required check of `doctor` did" },
  usage: { code: 2, when: "the command, its arguments or the repository are not what is needed" },
  blocked: { code: 3, when: "the job is blocked: a person has to act" },
  cancelled: { code: 4, when: "the job was cancelled" },
  environment: { code: 5, when: "the server or the machine does not do what is needed" },
  interrupted: { code: 130, when: "Ctrl-C" },
} as const satisfies Record<string, { code: number; when: string }>;

/** Codes that the user's own input explains; everything else is trouble with the server or the machine. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  "INVALID_REQUEST",
  "INVALID_CONFIG",
  "NOT_FOUND",
  "CONFLICT",
  "PAYLOAD_TOO_LARGE",
  "BASE_NOT_FOUND",
  "REPOSITORY_EMPTY",
]);

/** The exit code for an error that ends a command. */
export function exitCodeOfError(error: SlipwayError): number {
  if (error.code === "CANCELLED") return EXIT_CODES.cancelled.code;
  return USAGE_CODES.has(error.code) || isUnknownName(error) ? EXIT_CODES.usage.code : EXIT_CODES.environment.code;
}

/** A backend that nobody has, where others are known: most likely the name is mistyped. */
function isUnknownName({ code, details }: SlipwayError): boolean {
  return code === "BACKEND_NOT_INSTALLED" && Array.isArray(details["known"]) && details["known"].length > 0;
}

/** The exit code for the state in which a job was left. */
export function exitCodeOfState(state: JobState): number {
  if (state === "blocked") return EXIT_CODES.blocked.code;
  if (state === "cancelled") return EXIT_CODES.cancelled.code;
  return state === "failed" ? EXIT_CODES.failed.code : EXIT_CODES.ok.code;
}

type ExitName = keyof typeof EXIT_CODES;

const ANY: readonly ExitName[] = ["ok", "usage", "environment"];
/** What commands may end with besides those of any. */
const FURTHER: Readonly<Record<string, readonly ExitName[]>> = {
  demo: ["failed", "interrupted"],
  run: ["failed", "blocked", "cancelled", "interrupted"],
  logs: ["failed", "blocked", "cancelled", "interrupted"],
  accept: ["interrupted"],
  fetch: ["failed", "blocked", "cancelled"],
  doctor: ["failed"],
  drain: ["interrupted"],
  "images build": ["interrupted"],
  "images doctor": ["failed"],
  "workers drain": ["interrupted"],
  bench: ["failed", "interrupted"],
};

/** The codes that a command, named by its words, may end with, in order. */
export function exitCodesOf(path: string): number[] {
  return [...ANY, ...(FURTHER[path] ?? [])].map((name) => EXIT_CODES[name].code).toSorted((a, b) => a - b);
}

/** The table as text for `--help`. */
export function exitCodeHelp(): string {
  return ["Exit codes:", ...Object.values(EXIT_CODES).map((row) => `  ${String(row.code).padEnd(4)} ${row.when}`)].join("\n");
}

/** The table's hint for a failure that arrived as plain data. */
export function hintOf(failure: { code: keyof typeof ERRORS; details: Readonly<Record<string, unknown>> }): string {
  const own = failure.details["hint"];
  return typeof own === "string" ? own : ERRORS[failure.code].hint;
}
