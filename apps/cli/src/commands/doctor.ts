import { setTimeout as sleep } from "node:timers/promises";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { Argument, type Command } from "commander";
import { type Check, check, type DoctorOptions } from "../doctor/check.ts";
import { checkDataFolder, checkDisk, checkGit, checkNode, checkSandbox, checkWorkerGit } from "../doctor/machine.ts";
import { failingOf, reportChecks } from "../doctor/report-checks.ts";
import { dataFolder } from "../stack/data-folder.ts";
import { parseDuration } from "../terminal/parse.ts";
import { type CommonOptions, exitWith, parseSandbox, screenOf, withCommon } from "./options.ts";

/** What only this command needs is loaded by it alone: every command pays for what stands above. */
const services = async (): Promise<typeof import("../doctor/services.ts")> => await import("../doctor/services.ts");

type Group = readonly [string, (options: DoctorOptions) => Promise<Check[]>];

async function backends(options: DoctorOptions): Promise<Check[]> {
  const { checkSecrets } = await import("../doctor/secrets.ts");
  return (await Promise.all([(await services()).checkBackends(options), checkSecrets(options)])).flat();
}

async function serverSecrets(options: DoctorOptions): Promise<Check[]> {
  return await (await import("../doctor/secrets.ts")).checkServerSecrets(options);
}

async function workerBackends(options: DoctorOptions): Promise<Check[]> {
  return await (await import("../doctor/worker.ts")).checkWorkerBackends(options);
}

const clock = async (options: DoctorOptions): Promise<Check[]> => await (await import("../doctor/clock.ts")).checkClock(options);

const configuration = async (): Promise<typeof import("../doctor/configuration.ts")> => await import("../doctor/configuration.ts");

const GROUPS: readonly Group[] = [
  ["node", checkNode],
  ["git", checkGit],
  ["sandbox", checkSandbox],
  ["disk", checkDisk],
  ["data folder", checkDataFolder],
  ["configuration", async (options) => await (await configuration()).checkConfiguration(options)],
  ["server", async (options) => await (await services()).checkServer(options)],
  ["server", async (options) => await (await configuration()).whereConfigured("server", options, serverSecrets)],
  ["clock", clock],
  ["backends", async (options) => await (await configuration()).whereConfigured("backends", options, backends)],
  ["gateway", async (options) => await (await import("../doctor/gateway.ts")).checkModels(options)],
  ["repository", async () => await (await services()).checkRepository()],
];

/** What a worker cannot work without, and nothing that it can. */
const WORKER_GROUPS: readonly Group[] = [
  ["node", checkNode],
  ["git", checkWorkerGit],
  ["sandbox", checkSandbox],
  ["sandbox", async (options) => await (await import("../doctor/worker.ts")).checkInSandbox(options)],
  ["disk", checkDisk],
  ["data folder", checkDataFolder],
  ["configuration", async (options) => await (await configuration()).checkConfiguration(options)],
  ["server", async (options) => await (await import("../doctor/worker.ts")).checkWorkerServer(options)],
  ["clock", clock],
  ["backends", async (options) => await (await configuration()).whereConfigured("backends", options, workerBackends)],
];

const AGAIN_MS = 500;

interface DoctorCommandOptions extends CommonOptions {
  readonly sandbox?: SandboxKind;
  readonly tokenFile?: string;
  readonly gatewayFolder?: string;
  readonly wait?: number;
}

export function addDoctor(program: Command): void {
  withCommon(program.command("doctor"))
    .summary("check this machine, say what to mend")
    .description(
      "Tries what Slipway needs. Ends with 1 where something required is missing. `slipway doctor worker` tries what a worker on this machine cannot work without: a gate for deploy scripts and for systemd's ExecStartPost=.",
    )
    .addArgument(new Argument("[part]", "only what this part needs").choices(["worker"]))
    .option("--sandbox <kind>", "bwrap, docker, or none: then a missing sandbox is no failure (default: `worker.sandbox`, else bwrap)", parseSandbox)
    .option("--token-file <file>", "for `worker`: its token (default: tokens/worker.token in the data folder)")
    .option("--gateway-folder <folder>", "for `worker`: where its gateway's socket is, if it was started with one")
    .option("--wait <time>", "try again until all that is required is there, at most this long, such as 30s", parseDuration)
    .action(doctorCommand);
}

async function doctorCommand(part: "worker" | undefined, options: DoctorCommandOptions): Promise<void> {
  const screen = screenOf(options);
  const data = dataFolder(options.data);
  const asked: DoctorOptions = {
    data,
    sandbox: options.sandbox ?? (await (await import("../backends/ask-images.ts")).configuredSandbox(data)),
    ...(options.tokenFile === undefined ? {} : { tokenFile: options.tokenFile }),
    ...(options.gatewayFolder === undefined ? {} : { gatewayFolder: options.gatewayFolder }),
  };
  const checks = await checksWithin(part === "worker" ? WORKER_GROUPS : GROUPS, asked, options.wait ?? 0);
  exitWith(reportChecks(screen, checks));
}

/** Runs all checks, and again where something required is missing and there is time: what was just started may still be on its way. */
async function checksWithin(groups: readonly Group[], options: DoctorOptions, waitMs: number): Promise<Check[]> {
  const endMs = performance.now() + waitMs;
  for (;;) {
    const checks = (await Promise.all(groups.map(([group, run]) => guarded(group, run, options)))).flat();
    if (failingOf(checks).length === 0 || performance.now() + AGAIN_MS > endMs) return checks;
    await sleep(AGAIN_MS);
  }
}

/** A check that breaks is a failing check, and the others go on. */
async function guarded(group: string, run: (options: DoctorOptions) => Promise<Check[]>, options: DoctorOptions): Promise<Check[]> {
  try {
    return await run(options);
  } catch (error) {
    const { message, hint } = toSlipwayError(error);
    return [check(group, group, false, { tried: group, found: message, lost: "unknown", remedy: hint, required: true })];
  }
}
