import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import type { InstallationConfig } from "@slipway/protocol/installation-config";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { readInstallation } from "./configuration/installation.ts";
import { serverOrigins } from "./configuration/server-origins.ts";
import { modelKeyNames } from "./models/gateway-config.ts";
import { activeJob } from "./stack/active-job.ts";
import { dataFolder, readToken, tokenFile } from "./stack/data-folder.ts";
import { probeEngine } from "./stack/engine-probe.ts";
import type { PartName, SupervisorReport } from "./stack/messages.ts";
import { probeBubblewrap } from "./stack/sandbox-probe.ts";
import { readServerFile } from "./stack/server-file.ts";
import { warnOfOtherVersion } from "./stack/server-version.ts";
import { Stack } from "./stack/stack.ts";

/** How a command reaches a server. */
export interface Connection {
  readonly client: Client;
  readonly url: string;
  /** Also the password for the hub. */
  readonly token: string;
  /** The stack that this command started; undefined where a server ran already. */
  readonly stack: Stack | undefined;
  /** What the workers of that stack run jobs in; undefined where there is none. */
  readonly sandbox: SandboxKind | undefined;
  /** What ran already, or was started: for people. */
  readonly how: string;
}

export interface ConnectOptions {
  readonly data?: string | undefined;
  /** Parts to start where no server runs; none: SERVER_UNAVAILABLE instead. */
  readonly start?: readonly PartName[];
  /** Parts that nobody waits for and that may fail. */
  readonly later?: readonly PartName[];
  readonly sandbox?: SandboxKind | undefined;
  readonly onReport?: (report: SupervisorReport) => void;
}

/** All that a job needs where its agent needs no model. */
export const JOB_PARTS: readonly PartName[] = ["server", "worker", "integrator"];
export const ALL_PARTS: readonly PartName[] = [...JOB_PARTS, "gateway"];

/**
 * The server that SLIPWAY_URL names, else the one that runs on the data folder, else a stack of our own. What is started here is stopped
 * with `disconnect`.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const remote = process.env["SLIPWAY_URL"];
  if (remote && !URL.canParse(remote)) {
    throw new SlipwayError("INVALID_REQUEST", `SLIPWAY_URL is no address: ${remote}.`, { hint: "Set it to one such as http://127.0.0.1:4750, or unset it." });
  }
  if (remote && options.data === undefined) return await connectToRemote(remote, options);
  const data = dataFolder(options.data);
  const running = await runningServer(data);
  if (running) return running;
  if (!options.start)
    throw new SlipwayError("SERVER_UNAVAILABLE", `No server runs on the data folder ${data}.`, {
      hint: "Start one with `slipway up`, or use `slipway run`, which needs none.",
    });
  if (options.start.length === 1 && !(await exists(join(data, "server", "slipway.db")))) {
    throw new SlipwayError("NOT_FOUND", `There are no jobs yet: nothing has run on the data folder ${data}.`, {
      hint: 'Run a first one with `slipway run "…"` in a repository, or look at `slipway demo`.',
    });
  }
  return await startHere(data, options.start, options);
}

/** With `idle`, time for an idle stack to stop before the command ends without it. */
const IDLE_STOP_MS = 6_000;

/**
 * Ends what `connect` started: `now`, or as soon as no job is at work, because other commands may use it too. `idle` waits for that a
 * while, `background` does not.
 */
export async function disconnect(connection: Connection, how: "idle" | "now" | "background" = "idle"): Promise<{ livesOn: boolean }> {
  if (!connection.stack) return { livesOn: false };
  // Asked here, where a client is at hand; only a stack that lives on has to load one.
  if (how === "now" || (how === "idle" && (await activeJob(connection.client)) === undefined)) {
    await connection.stack.stop();
    return { livesOn: false };
  }
  return { livesOn: !(await connection.stack.release(how === "idle" ? IDLE_STOP_MS : 0)) };
}

/** The server of a data folder, if it runs and answers. */
export async function runningServer(data: string): Promise<Connection | undefined> {
  const file = await readServerFile(data);
  if (!file) return undefined;
  const probe = new Client({ url: file.url, token: "" });
  const health = await probe.call("health", { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  // Another process may have got the pid, or the port, of a server that crashed.
  if (health?.installationId !== file.installationId) return undefined;
  warnOfOtherVersion(file.url, health.version);
  return await connectTo(file.url, readToken(tokenFile(data, "admin")), undefined, `the server at ${file.url}`);
}

async function startHere(data: string, parts: readonly PartName[], options: ConnectOptions): Promise<Connection> {
  const [installation, modelKeys, origins] = await Promise.all([readInstallation(data), modelKeyNames(data), serverOrigins(data)]);
  const hasWorker = parts.includes("worker");
  const sandbox = hasWorker ? await sandboxFor(options.sandbox ?? installation.worker.sandbox) : "bwrap";
  const settings = forOneCommand(installation, sandbox);
  try {
    const stack = await Stack.start(
      { data, settings, origins: origins.filter(({ key }) => !OWN_TO_COMMANDS.includes(key)), parts, later: options.later ?? [], modelKeys },
      options.onReport,
    );
    return await connectTo(
      stack.url,
      readToken(tokenFile(data, "admin")),
      stack,
      "a server of its own, for the time of this command",
      hasWorker ? sandbox : undefined,
    );
  } catch (error) {
    // Another command starts its stack at this very moment: that one will do.
    if (!(error instanceof SlipwayError) || error.code !== "DATA_FOLDER_IN_USE") throw error;
    for (let tries = 0; tries < 50; tries += 1) {
      const running = await runningServer(data);
      if (running) return running;
      await sleep(100);
    }
    throw error;
  }
}

/** What `forOneCommand` sets itself. */
const OWN_TO_COMMANDS = ["server.port", "server.host", "server.allowRemote", "server.allowedOrigins"];

/**
 * Nobody else is to use a server that a command starts for itself: it listens where it disturbs no other, and for this machine alone. One sandbox that waits is
 * the next command's; more would only take the processor from the job.
 */
function forOneCommand(installation: InstallationConfig, sandbox: SandboxKind): InstallationConfig {
  const server = { ...installation.server, port: 0, host: "127.0.0.1", allowRemote: false, allowedOrigins: [] };
  const { warmMax = 1 } = installation.worker;
  return { ...installation, server, worker: { ...installation.worker, sandbox, warmMax } };
}

/** Fails closed: without bubblewrap only an explicit `docker`, with an engine, or an explicit `none` will do. */
export async function sandboxFor(asked: SandboxKind | undefined): Promise<SandboxKind> {
  if (asked === "none") return "none";
  if (asked === "docker") {
    const engine = await probeEngine();
    if (engine.ok) return "docker";
    throw new SlipwayError("SANDBOX_UNAVAILABLE", `No sandbox can be made: ${engine.found}.`, {
      hint: "Start the container engine, or name its socket in DOCKER_HOST; or take `--sandbox bwrap`.",
      tried: engine.tried,
    });
  }
  const probe = await probeBubblewrap();
  if (probe.ok) return "bwrap";
  throw new SlipwayError("SANDBOX_UNAVAILABLE", `No sandbox can be made: ${probe.found}.`, {
    hint: "Install bubblewrap (`apt install bubblewrap`), or pass `--sandbox none` to run agents without isolation.",
    tried: probe.tried,
  });
}

/** SERVER_UNAVAILABLE where it does not answer, UNAUTHENTICATED where the token cannot be read. */
async function connectToRemote(url: string, options: ConnectOptions): Promise<Connection> {
  const connection = await connectTo(url, tokenOfEnvironment(options), undefined, `the server at ${url}`);
  const { version } = await connection.client.call("health", {});
  warnOfOtherVersion(url, version);
  return connection;
}

async function connectTo(url: string, token: string, stack: Stack | undefined, how: string, sandbox?: SandboxKind): Promise<Connection> {
  return { client: new Client({ url, token }), url, token, stack, sandbox, how };
}

function tokenOfEnvironment(options: ConnectOptions): string {
  const path = process.env["SLIPWAY_TOKEN_FILE"] ?? tokenFile(dataFolder(options.data), "admin");
  try {
    return readToken(path);
  } catch (error) {
    throw new SlipwayError(
      "UNAUTHENTICATED",
      `SLIPWAY_URL is set, but the token file ${path} cannot be read.`,
      { hint: "Name the file that holds the token with SLIPWAY_TOKEN_FILE." },
      { cause: error },
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
