import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import Docker from "dockerode";

/** The container engine of this machine: the one that DOCKER_HOST names, else /var/run/docker.sock. */
export type Engine = Docker;

/** An engine that answers. ENGINE_UNAVAILABLE, with the reason and what to do, where none does. */
export async function connectEngine(): Promise<Engine> {
  let engine: Engine;
  try {
    engine = new Docker();
    await engine.ping();
  } catch (error) {
    throw engineError(error);
  }
  return engine;
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
export function engineError(error: unknown): SlipwayError {
  const { code = "", message, statusCode } = error as NodeJS.ErrnoException & { statusCode?: number };
  const where = process.env["DOCKER_HOST"] || "/var/run/docker.sock";
  if (statusCode !== undefined) {
    if (/no space left on device/i.test(message)) return fullDisk(message);
    const hint = "Look at the engine's own log (`journalctl -u docker`).";
    return new SlipwayError("ENGINE_UNAVAILABLE", `The container engine at ${where} refused: ${lastLine(message)}.`, {
      engine: where,
      status: statusCode,
      hint,
    });
  }
  if (!UNREACHED.has(code)) return toSlipwayError(error);
  const hint = HINTS[code] ?? "Check that the engine runs (`docker version`), and that DOCKER_HOST names the one you mean.";
  return new SlipwayError("ENGINE_UNAVAILABLE", `The container engine at ${where} does not answer: ${reasonOf(code, message)}.`, { engine: where, hint });
}

/** DISK_FULL of the engine's own disk. */
export function fullDisk(message: string): SlipwayError {
  const hint = "Free space on the engine's disk: `docker system df` shows what takes it, `docker image prune` removes images that nothing names any more.";
  return new SlipwayError("DISK_FULL", `The container engine has no room left: ${lastLine(message)}.`, { hint });
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
  return (text.trim().split("\n").at(-1) ?? "").replace(/\.$/, "");
}
