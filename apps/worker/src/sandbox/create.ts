import { lstatSync, mkdirSync } from "node:fs";
import { gatewaySocketIn } from "@slipway/process/runtime-folder";
import { SlipwayError } from "@slipway/protocol/errors";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { createBwrapProvider } from "./bwrap/provider.ts";
import { createDockerProvider } from "./docker/provider.ts";
import { DEFAULT_LIMITS, type SandboxLimits } from "./limits/limits.ts";
import { openResourceGroups } from "./limits/resource-groups.ts";
import { createNoneProvider } from "./none/provider.ts";
import type { SandboxProvider } from "./sandbox.ts";

/** `sockaddr_un` of Linux has 108 bytes, and the last one is a zero. */
const SOCKET_PATH_LIMIT_BYTES = 107;

export interface SandboxSettings {
  /** The worker's own short folder for sockets, mode 0700. */
  readonly runtimeFolder: string;
  /** The checkout or installation that holds `apps/runner`, `packages`, `backends` and `node_modules`. */
  readonly installRoot: string;
  /** Host folders that no sandbox may see, such as the data folder, but for what a spec names inside them. */
  readonly maskPaths: readonly string[];
  /** An npm project whose packages bring further backends. */
  readonly backendsFolder?: string | undefined;
  /**
   * Absolute folder in which the model gateway has its socket, `s`. Runners see the folder, read-only, and so the socket of a gateway that starts later or
   * anew; gates, setup and commit never do. Made where it is missing. Without it no backend reaches a model.
   */
  readonly gatewayFolder?: string | undefined;
  /** Existing folder of agents (`agentsFolder`): runners see it, read-only, and find its programs. Containers have the agents of their image. */
  readonly agentsFolder?: string | undefined;
  /** Folder of certificates that `writeCertificates` made; no sandbox has any of ours where it is missing. */
  readonly certificates?: string | undefined;
  /** For each sandbox; DEFAULT_LIMITS where they are missing. What cannot be kept here is not: `requireLimits` says so of those that must be. */
  readonly limits?: SandboxLimits;
  /** For containers. */
  readonly docker?: {
    /** Names of images; the first that the engine has is the worker's own. */
    readonly images: readonly string[];
    /** Names of images for jobs of a backend, the best first; all jobs run in the worker's own where this is missing. */
    readonly imagesOfBackend?: ((backend: string) => readonly string[]) | undefined;
    /** The worker's id: what its containers are labelled with, so that it finds them again and touches no others. */
    readonly workerLabel: string;
  };
}

/**
 * The provider of a kind. Makes the runtime folder and the gateway's, starts nothing; `probe()` says whether it holds. SANDBOX_UNAVAILABLE where a folder is
 * not ours, INVALID_CONFIG where the path of the gateway's socket would be too long.
 */
export function createSandboxProvider(kind: SandboxKind, settings: SandboxSettings): SandboxProvider {
  makeOwn("runtime folder", settings.runtimeFolder, "set XDG_RUNTIME_DIR to a folder of your own");
  const { gatewayFolder } = settings;
  if (gatewayFolder !== undefined) {
    requireShort(gatewaySocketIn(gatewayFolder));
    makeOwn("gateway's folder", gatewayFolder, "name another one with --gateway-folder");
  }
  const limits = settings.limits ?? DEFAULT_LIMITS;
  // At its own path it is not there for anybody, whatever is shown around it.
  const maskPaths = [...settings.maskPaths, ...(gatewayFolder === undefined ? [] : [gatewayFolder])];
  if (kind === "docker") {
    if (!settings.docker) throw new SlipwayError("INTERNAL", "A provider of containers was asked for without their settings.");
    return createDockerProvider({ ...settings, ...settings.docker, maskPaths, limits });
  }
  const groups = openResourceGroups(limits);
  if (kind === "none") return createNoneProvider({ ...settings, groups });
  return createBwrapProvider({ ...settings, maskPaths, limits, groups });
}

/** Its place in /tmp can be foreseen: whoever made the folder before us could put sockets and compiled code into it. */
function makeOwn(what: string, folder: string, instead: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { mode, uid } = lstatSync(folder);
  const isOwn = (mode & 0o170_000) === 0o040_000 && (mode & 0o022) === 0 && (process.getuid === undefined || uid === process.getuid());
  if (isOwn) return;
  throw new SlipwayError("SANDBOX_UNAVAILABLE", `The ${what} ${folder} is another user's, or others can write to it.`, {
    folder,
    hint: `Remove it (\`rm -r ${folder}\`), or ${instead}.`,
  });
}

function requireShort(socket: string): void {
  const bytes = Buffer.byteLength(socket);
  if (bytes <= SOCKET_PATH_LIMIT_BYTES) return;
  throw new SlipwayError("INVALID_CONFIG", `The path of the gateway's socket, ${socket}, has ${bytes} bytes; the system takes ${SOCKET_PATH_LIMIT_BYTES}.`, {
    socket,
    hint: "Name a shorter folder with --gateway-folder, or set XDG_RUNTIME_DIR to one.",
  });
}
