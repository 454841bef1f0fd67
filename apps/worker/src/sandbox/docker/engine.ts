import { SlipwayError } from "@slipway/protocol/errors";
import type Docker from "dockerode";

/** No call that only asks or tells takes longer; a start on a machine under load does. */
const ANSWER_LIMIT_MS = 60_000;

/** The engine that DOCKER_HOST names, else the one of this machine. Nothing is asked of it yet. */
export async function openEngine(): Promise<Docker> {
  // A worker of another kind of sandbox need not load it.
  const { default: Engine } = await import("dockerode");
  return new Engine();
}

/** What the engine answers, or SANDBOX_UNAVAILABLE with its own words; late where it does not answer at all. */
export async function ask<T>(what: string, answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ANSWER_LIMIT_MS} ms`)), ANSWER_LIMIT_MS);
  try {
    return await Promise.race([answer, late.promise]);
  } catch (error) {
    throw engineFailed(what, error);
  } finally {
    clearTimeout(timer);
  }
}

/** The engine says that what was asked for is not there, or not any more. */
export function isGone(error: unknown): boolean {
  const { statusCode } = rootOf(error) as { statusCode?: number };
  return statusCode === 404;
}

/** What cannot be killed or removed because it is being so, or does not run. */
export function isOver(error: unknown): boolean {
  const { statusCode } = rootOf(error) as { statusCode?: number };
  return statusCode === 404 || statusCode === 409;
}

function rootOf(error: unknown): unknown {
  return error instanceof SlipwayError ? error.cause : error;
}

/** SANDBOX_UNAVAILABLE with the engine's words, and what to do where it does not answer. */
export function engineFailed(what: string, cause: unknown): SlipwayError {
  const { code, message, json } = cause as NodeJS.ErrnoException & { json?: { message?: string } };
  const words = (json?.message ?? message ?? String(cause)).trim().slice(0, 4_000);
  const hint =
    code === "ENOENT" || code === "ECONNREFUSED"
      ? "Start the container engine, or name its socket in DOCKER_HOST."
      : code === "EACCES"
        ? "The worker's user may not use the engine's socket: add it to the group `docker`, knowing that this is root on this machine."
        : undefined;
  return new SlipwayError("SANDBOX_UNAVAILABLE", `The container engine: ${what}: ${words}`, hint === undefined ? {} : { hint }, { cause });
}
