import { execa } from "execa";
import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import { redactUrls } from "./credential.ts";
import { type EnvironmentOptions, gitEnvironment } from "./environment.ts";

export interface GitOptions extends EnvironmentOptions {
  /** Folder that git runs in; `/` where it is missing, never the daemon's own folder. */
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  /** An open file to read standard input from, instead of `input`. */
  readonly inputFd?: number;
  readonly signal?: AbortSignal | undefined;
  /** Most bytes of output that are taken; more is a failure. Default 64 MiB. */
  readonly maxBuffer?: number;
  /** Exit codes that are answers and not failures. Default [0]. */
  readonly okExitCodes?: readonly number[];
  /** The code that a failure ends with; INTERNAL where it is missing. */
  readonly failure?: ErrorCode;
  /** For work on untrusted objects: address space of the process, in bytes. */
  readonly memoryLimitBytes?: number;
}

export interface GitResult {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exitCode: number;
}

/**
 * Runs one git process and waits for it: the only place that spawns git plumbing. No configuration of the machine is read, hooks are off, nothing
 * prompts. Ends with `options.failure` where git fails, DISK_FULL where the disk is, PAYLOAD_TOO_LARGE where the output is beyond `maxBuffer`,
 * and with the signal's reason where it aborts.
 */
export async function runGit(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  options.signal?.throwIfAborted();
  const [file, argv] = commandOf(args, options.memoryLimitBytes);
  const result = await execa(file, argv, {
    cwd: options.cwd ?? options.gitDir ?? "/",
    env: gitEnvironment(options),
    extendEnv: false,
    encoding: "buffer",
    stripFinalNewline: false,
    reject: false,
    maxBuffer: options.maxBuffer ?? 64 * 1024 * 1024,
    // execa hands any open descriptor on; its types name the first ten only.
    stdin: (options.inputFd as 3 | undefined) ?? "pipe",
    ...(options.inputFd === undefined ? { input: options.input ?? "" } : {}),
    ...(options.signal ? { cancelSignal: options.signal } : {}),
  });
  options.signal?.throwIfAborted();
  const stderr = redactUrls(Buffer.from(result.stderr).toString());
  if (result.isMaxBuffer) throw new SlipwayError("PAYLOAD_TOO_LARGE", `git ${args[0]} said more than is taken.`, { limitBytes: options.maxBuffer });
  if (result.exitCode !== undefined && (options.okExitCodes ?? [0]).includes(result.exitCode)) {
    return { stdout: Buffer.from(result.stdout), stderr, exitCode: result.exitCode };
  }
  throw gitFailure(args, { stderr, exitCode: result.exitCode, signal: result.signal, cause: result.cause }, options.failure);
}

/** Standard output of a git process as text, without the newline at its end. */
export async function gitText(args: readonly string[], options: GitOptions = {}): Promise<string> {
  const { stdout } = await runGit(args, options);
  return stdout.toString().replace(/\n$/, "");
}

function commandOf(args: readonly string[], memoryLimitBytes: number | undefined): [string, readonly string[]] {
  if (memoryLimitBytes === undefined) return ["git", args];
  // Where the system has no such limit, git runs without it: time and size stay bounded.
  return ["sh", ["-c", 'ulimit -v "$0" 2>/dev/null; exec git "$@"', String(Math.ceil(memoryLimitBytes / 1024)), ...args]];
}

function gitFailure(
  args: readonly string[],
  ended: { stderr: string; exitCode: number | undefined; signal: string | undefined; cause: unknown },
  failure: ErrorCode = "INTERNAL",
): SlipwayError {
  const lines = ended.stderr.trim().slice(-2_000);
  const details = { command: `git ${args[0]}`, exitCode: ended.exitCode ?? null, stderr: lines };
  if (/No space left on device|Disk quota exceeded/i.test(lines)) return new SlipwayError("DISK_FULL", undefined, details);
  const last = lines.split("\n").findLast((line) => /^(fatal|error):/.test(line)) ?? lines.split("\n").at(-1);
  const why = last || (ended.signal ? `it was ended by ${ended.signal}` : `exit ${ended.exitCode ?? "unknown"}`);
  return new SlipwayError(failure, `git ${args[0]} failed: ${why}`, details, { cause: ended.cause });
}
