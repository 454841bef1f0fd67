import { SlipwayError } from "@slipway/protocol/errors";

/** What one sandbox may use; null: no limit of its own. What holds where: `limitsInForce`. */
export interface SandboxLimits {
  /** All processes of the sandbox together, with its files in memory. */
  readonly memoryBytes: number | null;
  /** Processes and threads, all of the sandbox together. */
  readonly processes: number | null;
  /** One file. */
  readonly fileBytes: number | null;
  /** Processors, of all of the machine's, that the sandbox may keep busy together; parts of one count. */
  readonly cpus: number | null;
}

/** Enough for any build; a fork bomb ends at it. */
export const DEFAULT_LIMITS: SandboxLimits = { memoryBytes: null, processes: 16_384, fileBytes: null, cpus: null };

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1_024, m: 1_048_576, g: 1_073_741_824, t: 1_099_511_627_776 };

/** A size such as `4g` or `512m`, in bytes; `none` is null. INVALID_REQUEST, with the option's name, for anything else. */
export function parseSize(option: string, text: string): number | null {
  if (text === "none") return null;
  const [, digits, unit] = /^(\d{1,6}(?:\.\d{1,3})?)([kmgt]?)$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(digits) * (UNITS[unit?.toLowerCase() ?? ""] ?? Number.NaN));
  if (bytes >= 1) return bytes;
  throw new SlipwayError("INVALID_REQUEST", `${option} is a size such as 4g or 512m, or none, and not ${text}.`);
}

/** The limits that a person asked for, by option or else by environment; those that nobody asked for are missing. INVALID_REQUEST. */
export function readLimits(options: LimitOptions, env: NodeJS.ProcessEnv): Partial<SandboxLimits> {
  const memory = options["memory-limit"] ?? env["SLIPWAY_MEMORY_LIMIT"];
  const processes = options["process-limit"] ?? env["SLIPWAY_PROCESS_LIMIT"];
  const file = options["file-limit"] ?? env["SLIPWAY_FILE_LIMIT"];
  const cpus = options["cpu-limit"] ?? env["SLIPWAY_CPU_LIMIT"];
  return {
    ...(memory === undefined ? {} : { memoryBytes: parseSize("--memory-limit", memory) }),
    ...(processes === undefined ? {} : { processes: parseCount("--process-limit", processes) }),
    ...(file === undefined ? {} : { fileBytes: parseSize("--file-limit", file) }),
    ...(cpus === undefined ? {} : { cpus: parseCpus("--cpu-limit", cpus) }),
  };
}

export interface LimitOptions {
  readonly "memory-limit"?: string | undefined;
  readonly "process-limit"?: string | undefined;
  readonly "file-limit"?: string | undefined;
  readonly "cpu-limit"?: string | undefined;
}

function parseCount(option: string, text: string): number | null {
  if (text === "none") return null;
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new SlipwayError("INVALID_REQUEST", `${option} is a number from 1 to 9999999, or none, and not ${text}.`);
}

function parseCpus(option: string, text: string): number | null {
  if (text === "none") return null;
  const cpus = /^\d{1,4}(\.\d{1,2})?$/.test(text) ? Number(text) : 0;
  if (cpus >= 0.1) return cpus;
  throw new SlipwayError("INVALID_REQUEST", `${option} is a number of processors from 0.1 on, such as 2 or 1.5, or none, and not ${text}.`);
}
