import { mkdir, readFile, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { trustForGit } from "@slipway/git/environment";
import { defaultImages, imagesOfBackend } from "@slipway/images/engine/choose-image";
import { agentsFolder } from "@slipway/process/agents-folder";
import { gatewaySocketIn, runtimeFolder } from "@slipway/process/runtime-folder";
import { addressFromParent } from "@slipway/process/server-address";
import { BUNDLE_FILE, trustCertificates, writeCertificates } from "@slipway/process/trust";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import closeWithGrace from "close-with-grace";
import { type Logger, pino } from "pino";
import { upstreamProxyFor } from "../egress/upstream-proxy.ts";
import { runAttempt } from "../job/run-attempt.ts";
import { createSandboxProvider, type SandboxSettings } from "../sandbox/create.ts";
import { limitsInForce, requireLimits } from "../sandbox/limits/in-force.ts";
import { DEFAULT_LIMITS } from "../sandbox/limits/limits.ts";
import { certificatePaths } from "../sandbox/network-environment.ts";
import { readOnlyToolchains } from "../sandbox/toolchains.ts";
import { takeSecretVariables } from "../secrets/backend-secrets.ts";
import { type Arguments, readArguments } from "./arguments.ts";
import { WorkerDaemon } from "./daemon.ts";
import { onDrainSignal } from "./drain-signal.ts";
import { openWorkerFolders } from "./folders.ts";
import { readIdentity } from "./identity.ts";
import { describeBackends } from "./register.ts";

const VERSION = "0.1.0";
/** A stop reports its attempts for some seconds and ends the sandboxes; after this many ms the process ends anyway. */
const STOP_LIMIT_MS = 12_000;

/** Runs until it is stopped or drained; the process ends with it. */
export async function runWorker(): Promise<void> {
  const log = pino({ level: process.env["SLIPWAY_LOG_LEVEL"] ?? "info", base: { part: "worker", pid: process.pid } }, pino.destination({ fd: 2, sync: true }));
  const starting = new AbortController();
  let daemon: WorkerDaemon | undefined;
  let drained = false;
  const closing = closeWithGrace({ delay: STOP_LIMIT_MS, logger: false, skip: ["beforeExit"] }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, "the worker failed");
    if (!drained) log.info({ signal: signal ?? "ipc", active: daemon?.active ?? 0 }, "stopping now");
    starting.abort(new SlipwayError("WORKER_STOPPED"));
    await daemon?.stop();
    log.info(drained ? "drain complete, 0 active jobs" : "stopped");
    // For a person, or a script, that waits for it.
    if (drained) process.stdout.write("drain complete, 0 active jobs\n");
  });
  // Before anything else: a signal that comes during the start must not kill the process half-way.
  let drainAsked = false;
  onDrainSignal(() => {
    drainAsked = true;
    daemon?.drain();
  }, log);
  process.removeAllListeners("disconnect").on("disconnect", () => closing.close());
  try {
    daemon = await start(readArguments(), log, starting.signal);
  } catch (error) {
    if (starting.signal.aborted) return;
    const failure = toSlipwayError(error);
    log.fatal({ err: failure, code: failure.code, hint: failure.hint }, `the worker does not start: ${failure.message}`);
    process.exit(1);
  }
  log.info({ workerId: daemon.workerId }, "ready");
  process.send?.({ type: "ready", workerId: daemon.workerId });
  if (drainAsked) daemon.drain();
  await daemon.idle;
  if (starting.signal.aborted) return;
  if (daemon.failure) {
    log.fatal({ err: daemon.failure }, "the worker cannot go on");
    await daemon.stop();
    process.exit(1);
  }
  drained = true;
  await closing.close();
}

async function start(args: Arguments, log: Logger, signal: AbortSignal): Promise<WorkerDaemon> {
  const installRoot = resolve(dirname(fileURLToPath(import.meta.url)), "../../../..");
  // Before anything is started that could inherit them.
  const variables = takeSecretVariables(process.env);
  const limits = { ...DEFAULT_LIMITS, ...args.limits };
  const certificates = await openCertificates(args);
  const hidden = [args.data, await openSecretsFolder(args.secrets)];
  const provider = createSandboxProvider(args.sandbox, {
    runtimeFolder: runtimeFolder(args.data),
    installRoot,
    maskPaths: hidden,
    limits,
    backendsFolder: args.backends,
    gatewayFolder: args.gatewayFolder,
    certificates,
    agentsFolder: await openAgentsFolder(args.data),
    ...(args.sandbox === "docker" ? { docker: await dockerSettings(args) } : {}),
  });
  requireLimits(args.sandbox, args.limits);
  warnOfProxy(log);
  if (provider.kind === "none") log.warn("sandbox: none - agents run with all rights of this user, on the bare host");
  const [, { manifests, broken }, server] = await Promise.all([
    provider.probe(),
    describeBackends(join(installRoot, "apps/runner/src/main.ts"), signal),
    serverOf(args, signal),
  ]);
  for (const { name, package: packageName, file, problem } of broken)
    log.warn({ backend: name, package: packageName, file }, `a backend cannot be loaded: ${problem}`);
  return await WorkerDaemon.start({
    dataFolder: args.data,
    ...server,
    name: args.name,
    slots: args.slots,
    verifySlots: args.verifySlots,
    provider,
    manifests,
    brokenBackends: broken,
    secrets: { folder: args.secrets, variables },
    egressPrivateHosts: args.egressPrivateHosts,
    gatewaySocket: gatewaySocketIn(args.gatewayFolder),
    limits: limitsInForce(args.sandbox, limits),
    toolchains: toolchainsOf(args.sandbox, hidden),
    workspaces: args.workspaces,
    runAttempt,
    warm: args.warm,
    ports: args.ports,
    version: VERSION,
    log,
    signal,
  });
}

/** Made where it is missing, so that what is installed later is there for sandboxes that run. */
async function openAgentsFolder(data: string): Promise<string> {
  await mkdir(join(agentsFolder(data), "bin"), { recursive: true, mode: 0o700 });
  return await realpath(agentsFolder(data));
}

/** An image brings its own toolchains; the certificates of a company's network are this machine's, wherever they lie. */
function toolchainsOf(sandbox: SandboxKind, hidden: readonly string[]): string[] {
  if (sandbox === "docker") return certificatePaths(process.env, "all");
  return [...readOnlyToolchains(process.env["PATH"] ?? "", { never: hidden }), ...certificatePaths(process.env)];
}

/** Has this process and its git trust the file's certificates; answers the folder for sandboxes. */
async function openCertificates({ data, extraCaCerts: file }: Arguments): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const folder = await writeCertificates(file, (await openWorkerFolders(data)).certificates);
  await trustCertificates(file);
  trustForGit(join(folder, BUNDLE_FILE));
  return folder;
}

/** Only egress lists need it, so that the worker starts; each host is refused with the same words. */
function warnOfProxy(log: Logger): void {
  try {
    upstreamProxyFor("registry.npmjs.org", process.env);
  } catch (error) {
    log.warn({ hint: toSlipwayError(error).hint }, `no host on an egress list can be reached: ${toSlipwayError(error).message}`);
  }
}

/** An image that a person has named is that of all jobs. */
async function dockerSettings({ data, image }: Arguments): Promise<NonNullable<SandboxSettings["docker"]>> {
  const workerLabel = await readIdentity((await openWorkerFolders(data)).identity);
  if (image !== undefined) return { images: [image], workerLabel };
  return { images: defaultImages(VERSION), imagesOfBackend: (backend) => imagesOfBackend(backend, VERSION), workerLabel };
}

/** Makes the folder where it is missing, so that it is hidden from sandboxes before there is a secret in it. Answers its real path, which hides it behind links too. */
async function openSecretsFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return await realpath(folder);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const hint = "Choose a folder that the worker's user can read, with --secrets.";
    throw new SlipwayError("INVALID_REQUEST", `The folder for secrets ${folder} cannot be used: ${why}.`, { hint }, { cause: error });
  }
}

/** The token comes after the address: a server that starts for the first time makes the file before it listens. */
async function serverOf({ url, tokenFile }: Arguments, signal: AbortSignal): Promise<{ url: string; token: string }> {
  const address = url ?? (await addressFromParent(signal));
  return { url: address, token: (await readFile(tokenFile, "utf8")).trim() };
}
