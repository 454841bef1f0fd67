import { mkdir, readFile, realpath } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { trustForGit } from "@slipway/git/environment";
import { defaultImages, imagesOfBackend } from "@slipway/images/engine/choose-image";
import { gatewayFolder, runtimeFolder } from "@slipway/process/runtime-folder";
import { secretsFolder } from "@slipway/process/secret-file";
import { addressFromParent } from "@slipway/process/server-address";
import { BUNDLE_FILE, extraCaCerts, trustCertificates, writeCertificates } from "@slipway/process/trust";
import { hostPatternSchema } from "@slipway/protocol/egress";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { DEFAULT_PORTS, type PortRange, parsePortRange } from "@slipway/protocol/port-range";
import { SANDBOX_KINDS, type SandboxKind } from "@slipway/protocol/sandbox-kind";
import { WORKSPACE_SETTINGS } from "@slipway/protocol/workspace-kind";
import closeWithGrace from "close-with-grace";
import { type Logger, pino } from "pino";
import { upstreamProxyFor } from "../egress/upstream-proxy.ts";
import { runAttempt } from "../job/run-attempt.ts";
import { createSandboxProvider, type SandboxSettings } from "../sandbox/create.ts";
import { limitsInForce, requireLimits } from "../sandbox/limits/in-force.ts";
import { DEFAULT_LIMITS, parseSize, readLimits, type SandboxLimits } from "../sandbox/limits/limits.ts";
import { certificatePaths } from "../sandbox/network-environment.ts";
import { readOnlyToolchains } from "../sandbox/toolchains.ts";
import { takeSecretVariables } from "../secrets/backend-secrets.ts";
import type { WorkspaceSettings } from "../workspaces/workspaces.ts";
import { type DaemonOptions, WorkerDaemon } from "./daemon.ts";
import { onDrainSignal } from "./drain-signal.ts";
import { openWorkerFolders } from "./folders.ts";
import { readIdentity } from "./identity.ts";
import { describeBackends } from "./register.ts";

const VERSION = "0.1.0";
const HELP = `slipway worker: claims jobs and runs them in sandboxes
  clean --data DIR    instead: ends and unmounts what a killed worker left, as \`slipway down\` does

  --data DIR          data folder; the worker keeps its things in DIR/worker
  --url URL           the server; without it the process that started this one tells it
  --token-file FILE   file with a token of the role worker
  --slots N           task jobs at once (4)
  --verify-slots N    verify jobs at once (2)
  --name NAME         name for people (the host's)
  --egress-private-host HOST
                      host on a repository's egress list whose address may be a private one; may be repeated
  --extra-ca-certs FILE
                      further certificates that worker and sandboxes trust
  --secrets DIR       folder with a file for each secret that a backend names (DATA/secrets/worker); else SLIPWAY_SECRET_<NAME>
  --workspaces KIND   auto (default), overlay, reflink or worktree: how workspaces are made (docs/workspaces.md)
  --workspace-limit SIZE
                      what one workspace may take of the disk, such as 10g; needs overlay
  --sandbox KIND      bwrap (default); docker: containers; or none: no isolation at all
  --image NAME        the one image of all containers (that of the job's backend, else slipway/all, else slipway/base, of this version)
  --memory-limit SIZE, --process-limit N, --file-limit SIZE, --cpu-limit N
                      what one sandbox may use, such as 4g; needs a control group, bubblewrap or containers (docs/sandbox.md)
  --warm-max N, --warm-min N, --warm-idle SECONDS
                      sandboxes that wait for jobs: at most (one a slot), at least (all; of containers 1) when no job has come for that long (900)
  --ports FIRST-LAST  ports of which each job gets some of its own, where it runs on the host's network (20000-29999)
  --gateway-folder DIR
                      where the model gateway has its socket (the one that \`slipway up\` starts)
`;
/** A stop reports its attempts for some seconds and ends the sandboxes; after this many ms the process ends anyway. */
const STOP_LIMIT_MS = 12_000;

interface Arguments {
  readonly data: string;
  /** Undefined: the parent tells it. */
  readonly url: string | undefined;
  readonly tokenFile: string;
  readonly slots: number;
  readonly verifySlots: number;
  readonly name: string;
  readonly sandbox: SandboxKind;
  readonly workspaces: WorkspaceSettings;
  /** Of containers; undefined: the defaults of this version. */
  readonly image: string | undefined;
  /** Folder with the secrets of backends. */
  readonly secrets: string;
  readonly egressPrivateHosts: readonly string[];
  /** File of further certificates. */
  readonly extraCaCerts: string | undefined;
  /** Where further backends are. */
  readonly backends: string | undefined;
  readonly gatewayFolder: string;
  readonly warm: NonNullable<DaemonOptions["warm"]>;
  readonly ports: PortRange;
  /** Those that were asked for. */
  readonly limits: Partial<SandboxLimits>;
}

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
    ...(args.sandbox === "docker" ? { docker: await dockerSettings(args) } : {}),
  });
  requireLimits(args.sandbox, args.limits);
  warnOfProxy(log);
  if (provider.kind === "none") log.warn("sandbox: none - agents run with all rights of this user, on the bare host");
  const [, manifests, server] = await Promise.all([
    provider.probe(),
    describeBackends(join(installRoot, "apps/runner/src/main.ts"), signal),
    serverOf(args, signal),
  ]);
  return await WorkerDaemon.start({
    dataFolder: args.data,
    ...server,
    name: args.name,
    slots: args.slots,
    verifySlots: args.verifySlots,
    provider,
    manifests,
    secrets: { folder: args.secrets, variables },
    egressPrivateHosts: args.egressPrivateHosts,
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

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      url: { type: "string" },
      "token-file": { type: "string" },
      slots: { type: "string", default: "4" },
      "verify-slots": { type: "string", default: "2" },
      name: { type: "string", default: hostname() || "worker" },
      secrets: { type: "string" },
      "extra-ca-certs": { type: "string" },
      "egress-private-host": { type: "string", multiple: true, default: [] },
      sandbox: { type: "string", default: "bwrap" },
      workspaces: { type: "string", default: "auto" },
      "workspace-limit": { type: "string", default: "none" },
      "memory-limit": { type: "string" },
      "process-limit": { type: "string" },
      "file-limit": { type: "string" },
      "cpu-limit": { type: "string" },
      "warm-max": { type: "string" },
      "warm-min": { type: "string" },
      "warm-idle": { type: "string" },
      image: { type: "string" },
      ports: { type: "string", default: DEFAULT_PORTS },
      "gateway-folder": { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const { sandbox } = values;
  if (!isSandboxKind(sandbox)) throw new SlipwayError("INVALID_REQUEST", `--sandbox is ${SANDBOX_KINDS.join(", ")}, not ${sandbox}.`);
  const setting = WORKSPACE_SETTINGS.find((each) => each === values.workspaces);
  if (!setting) throw new SlipwayError("INVALID_REQUEST", `--workspaces is one of ${WORKSPACE_SETTINGS.join(", ")}, not ${values.workspaces}.`);
  const data = resolve(required("--data", values.data));
  return {
    data,
    url: values.url,
    tokenFile: required("--token-file", values["token-file"]),
    slots: count("--slots", values.slots),
    verifySlots: count("--verify-slots", values["verify-slots"]),
    name: values.name.slice(0, 100),
    sandbox,
    extraCaCerts: values["extra-ca-certs"] === undefined ? extraCaCerts(process.env) : resolve(values["extra-ca-certs"]),
    egressPrivateHosts: values["egress-private-host"].map(hostPattern),
    workspaces: { setting, limitBytes: limitOf(values["workspace-limit"]) },
    image: values.image ?? process.env["SLIPWAY_IMAGE"],
    secrets: values.secrets === undefined ? secretsFolder(data, "worker") : resolve(required("--secrets", values.secrets)),
    backends: process.env["SLIPWAY_BACKENDS"] ? resolve(process.env["SLIPWAY_BACKENDS"]) : undefined,
    gatewayFolder: values["gateway-folder"] === undefined ? gatewayFolder(data) : resolve(values["gateway-folder"]),
    limits: readLimits(values, process.env),
    warm: readWarm(values),
    ports: portRange(values.ports),
  };
}

function readWarm(values: { "warm-max"?: string | undefined; "warm-min"?: string | undefined; "warm-idle"?: string | undefined }): Arguments["warm"] {
  const read = (name: keyof typeof values, variable: string): number | undefined => {
    const text = values[name] ?? process.env[variable];
    if (text === undefined || /^\d{1,5}$/.test(text)) return text === undefined ? undefined : Number(text);
    throw new SlipwayError("INVALID_REQUEST", `--${name} is a whole number from 0 to 99999, not ${text}.`);
  };
  const [max, min, idle] = [read("warm-max", "SLIPWAY_WARM_MAX"), read("warm-min", "SLIPWAY_WARM_MIN"), read("warm-idle", "SLIPWAY_WARM_IDLE")];
  return { ...(max === undefined ? {} : { max }), ...(min === undefined ? {} : { min }), ...(idle === undefined ? {} : { idleMs: idle * 1_000 }) };
}

function isSandboxKind(text: string): text is SandboxKind {
  return (SANDBOX_KINDS as readonly string[]).includes(text);
}

function required(name: string, value: string | undefined): string {
  if (value === undefined || value === "") throw new SlipwayError("INVALID_REQUEST", `${name} is missing.`, { hint: "`--help` lists the arguments." });
  return value;
}

function hostPattern(text: string): string {
  const { success, error } = hostPatternSchema.safeParse(text);
  if (success) return text;
  throw new SlipwayError("INVALID_REQUEST", `--egress-private-host ${text}: ${error.issues[0]?.message}.`);
}

function portRange(text: string): PortRange {
  const range = parsePortRange(text);
  if (range) return range;
  throw new SlipwayError("INVALID_REQUEST", `--ports is two ports from 1024 to 65535, the lower one first, such as ${DEFAULT_PORTS}, not ${text}.`);
}

function limitOf(size: string): number | undefined {
  return parseSize("--workspace-limit", size) ?? undefined;
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 256) throw new SlipwayError("INVALID_REQUEST", `${name} is a number from 1 to 256, not ${text}.`);
  return value;
}
