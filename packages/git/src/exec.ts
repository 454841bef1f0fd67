import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import { carriesCredential, redactUrls } from "./credential.ts";
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
  // Every user of the machine can read a command line. Whoever has such an address splits it first: `splitUrl`, `credential`.
  if (args.some(carriesCredential))
    throw new SlipwayError(options.failure ?? "INTERNAL", "An address with a name or password in it may not become an argument of git.");
  const [file, argv] = commandOf(args, options.memoryLimitBytes);
  // Loaded with the first process: half of the time in which a command that runs no git starts would be spent on it.
  const { execa } = await import("execa");
  const subprocess = execa(file, argv, {
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
    // A group of its own, so that an abort ends git's helpers with it; one that is left would hold our pipes open.
    detached: options.signal !== undefined,
  });
  const release = options.signal ? endOnAbort(subprocess.pid, options.signal) : undefined;
  const result = await subprocess.finally(release);
  options.signal?.throwIfAborted();
  const stderr = redactUrls(Buffer.from(result.stderr ?? []).toString());
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

/** How long git has to take its lock files back after an abort, in ms. */
const ABORT_GRACE_MS = 2_000;

/** Ends a process group when the signal aborts; the answer undoes that. */
function endOnAbort(pid: number | undefined, signal: AbortSignal): () => void {
  if (pid === undefined) return () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const kill = (name: NodeJS.Signals): void => {
    try {
      process.kill(-pid, name);
    } catch {
      // ESRCH: it ended by itself meanwhile.
    }
  };
  const abort = (): void => {
    kill("SIGTERM");
    timer = setTimeout(() => kill("SIGKILL"), ABORT_GRACE_MS);
  };
  signal.addEventListener("abort", abort, { once: true });
  return () => {
    signal.removeEventListener("abort", abort);
    clearTimeout(timer);
  };
}

function commandOf(args: readonly string[], memoryLimitBytes: number | undefined): [string, readonly string[]] {
  if (memoryLimitBytes === undefined) return ["git", args];
  // Where the system has no such limit, git runs without it: time and size stay bounded.
  return ["sh", ["-c", 'ulimit -v "$0" 2>/dev/null; exec git "$@"', String(Math.ceil(memoryLimitBytes / 1024)), ...args]];
}

/** Whether what git says tells of a disk without room. */
export function tellsOfFullDisk(words: string): boolean {
  return /No space left on device|Out of diskspace|Disk quota exceeded/i.test(words);
}

function gitFailure(
  args: readonly string[],
  ended: { stderr: string; exitCode: number | undefined; signal: string | undefined; cause: unknown },
  failure: ErrorCode = "INTERNAL",
): SlipwayError {
  const lines = ended.stderr.trim().slice(-2_000);
  const details = { command: `git ${args[0]}`, exitCode: ended.exitCode ?? null, stderr: lines };
  if (tellsOfFullDisk(lines)) return new SlipwayError("DISK_FULL", undefined, details);
  const refusal = /^remote: slipway: (.*)$/m.exec(lines)?.[1];
  const last = refusal ?? lines.split("\n").findLast((line) => /^(fatal|error):/.test(line)) ?? lines.split("\n").at(-1);
  const why = last || (ended.signal ? `it was ended by ${ended.signal}` : `exit ${ended.exitCode ?? "unknown"}`);
  return new SlipwayError(failure, `git ${args[0]} failed: ${why}`, details, { cause: ended.cause });
}
