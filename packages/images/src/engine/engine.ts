import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type Docker from "dockerode";

/** The types of the engine's API. */
export type { default as Docker } from "dockerode";
/** The container engine of this machine: the one that DOCKER_HOST names, else the socket of its own. */
export type Engine = Docker;

/** The engine; nothing is asked of it yet. */
export async function openEngine(): Promise<Engine> {
  // Who never needs an engine need not load it.
  const { default: Client } = await import("dockerode");
  return new Client();
}

/** An engine that answers, in this time where one is given. ENGINE_UNAVAILABLE, with the reason and what to do, where none does. */
export async function connectEngine(limitMs?: number): Promise<Engine> {
  try {
    const engine = await openEngine();
    await (limitMs === undefined ? engine.ping() : answerWithin(limitMs, engine.ping()));
    return engine;
  } catch (error) {
    throw engineError(error);
  }
}

/** Where it is looked for. */
export function engineAddress(): string {
  // As dockerode has it.
  const own = join(homedir(), ".docker/run/docker.sock");
  return process.env["DOCKER_HOST"] || (existsSync(own) ? own : "/var/run/docker.sock");
}

/** What the engine answers. Rejects where that takes longer; the call itself goes on. */
export async function answerWithin<T>(limitMs: number, answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(Object.assign(new Error(`no answer within ${limitMs} ms`), { code: "ETIMEDOUT" })), limitMs);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The engine says that what was asked for is not there, or not any more. */
export function isGone(error: unknown): boolean {
  return statusOf(error) === 404;
}

/** What cannot be killed or removed because it is being so, or does not run. */
export function isOver(error: unknown): boolean {
  return isGone(error) || statusOf(error) === 409;
}

/** The engine's answer was a refusal of what was asked of it. */
export function isRefusal(error: unknown): boolean {
  return statusOf(error) !== undefined;
}

function statusOf(error: unknown): number | undefined {
  const root = error instanceof SlipwayError ? error.cause : error;
  const status = (root as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === "number" ? status : undefined;
}

/** How a connection to an engine fails, as Node says it. */
const UNREACHED: ReadonlySet<string> = new Set([
  "ENOENT",
  "ECONNREFUSED",
  "EACCES",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
]);

/** An error of the engine as one of ours: ENGINE_UNAVAILABLE where it was not reached or refused, DISK_FULL where it has no room. Others stay what they are. */
export function engineError(cause: unknown): SlipwayError {
  const { code = "", message, json } = cause as NodeJS.ErrnoException & { json?: { message?: string } };
  const where = engineAddress();
  const status = cause instanceof SlipwayError ? undefined : statusOf(cause);
  if (status !== undefined) {
    const words = json?.message ?? message;
    if (/no space left on device/i.test(words)) return fullDisk(words, cause);
    const hint = "Look at the engine's own log (`journalctl -u docker`).";
    return new SlipwayError("ENGINE_UNAVAILABLE", `The container engine at ${where} refused: ${lastLine(words)}.`, { engine: where, status, hint }, { cause });
  }
  if (!UNREACHED.has(code)) return toSlipwayError(cause);
  const hint = HINTS[code] ?? "Check that the engine runs (`docker version`), and that DOCKER_HOST names the one you mean.";
  const why = reasonOf(code, message);
  return new SlipwayError("ENGINE_UNAVAILABLE", `The container engine at ${where} does not answer: ${why}.`, { engine: where, hint }, { cause });
}

/** DISK_FULL of the engine's own disk. */
export function fullDisk(message: string, cause?: unknown): SlipwayError {
  const hint = "Free space on the engine's disk: `docker system df` shows what takes it, `docker image prune` removes images that nothing names any more.";
  return new SlipwayError("DISK_FULL", `The container engine has no room left: ${lastLine(message)}.`, { hint }, cause === undefined ? {} : { cause });
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: "Install and start one (Debian: `apt install docker.io`), or name another in DOCKER_HOST.",
  ECONNREFUSED: "Start it (`systemctl start docker`), or name another in DOCKER_HOST.",
  EACCES:
    "Your user may not use it. Whoever may is as good as root on this machine: join the group `docker` only where that is meant, or use a rootless engine and name its socket in DOCKER_HOST.",
};

function reasonOf(code: string, message: string): string {
  if (code === "ENOENT") return "there is no such socket";
  if (code === "EACCES") return "permission denied";
  return code === "ECONNREFUSED" ? "nobody listens there" : lastLine(message);
}

function lastLine(text: string): string {
  return (text.trim().split("\n").at(-1) ?? "").slice(0, 4_000).replace(/\.$/, "");
}
