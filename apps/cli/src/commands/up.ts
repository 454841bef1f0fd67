import { SlipwayError } from "@slipway/protocol/errors";
import type { GatewayConfig } from "@slipway/protocol/gateway-config";
import type { InstallationConfig } from "@slipway/protocol/installation-config";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import type { Command } from "commander";
import { readInstallation } from "../configuration/installation.ts";
import { serverOrigins } from "../configuration/server-origins.ts";
import { ALL_PARTS, runningServer, sandboxFor } from "../connection.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { Interrupts } from "../follow/interrupts.ts";
import { modelKeyNames, readGatewayConfig } from "../models/gateway-config.ts";
import { missingKeys } from "../models/keys.ts";
import { dataFolder, logFile, tokenFile } from "../stack/data-folder.ts";
import type { StackOptions, SupervisorReport } from "../stack/messages.ts";
import { printStackReport } from "../stack/print-report.ts";
import { readServerFile } from "../stack/server-file.ts";
import { Stack } from "../stack/stack.ts";
import { wholeNumber } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { type CommonOptions, exitWith, parseSandbox, screenOf, withCommon } from "./options.ts";

interface UpOptions extends CommonOptions {
  readonly port?: number;
  readonly slots?: number;
  readonly sandbox?: SandboxKind;
  readonly image?: string;
}

export function addUp(program: Command): void {
  withCommon(program.command("up"))
    .summary("run everything on this machine")
    .description("Runs server, worker, integrator and model gateway until Ctrl-C. A process that crashes is started again; jobs survive all of it.")
    .option("--port <n>", "port of the server (0: any free one; default: slipway.yaml's, else 4750)", wholeNumber(0, 65_535))
    .option("--slots <n>", "jobs at once (default: slipway.yaml's, else 4)", wholeNumber(1, 256))
    .option("--sandbox <kind>", "bwrap, docker, or none for no isolation at all (default: slipway.yaml's, else bwrap)", parseSandbox)
    .option("--image <name>", "image of the containers of `--sandbox docker` (default: slipway.yaml's, else slipway/all or slipway/base)")
    .action(upCommand);
}

async function upCommand(options: UpOptions): Promise<void> {
  const screen = screenOf(options);
  const data = dataFolder(options.data);
  await refuseSecond(data);
  // Before anything is started: a gateway that cannot start would be found out by the first job that needs it.
  const config = await readGatewayConfig(data);
  const settings = withFlags(await readInstallation(data), options);
  const [sandbox, modelKeys, set] = await Promise.all([sandboxFor(settings.worker.sandbox), modelKeyNames(data), serverOrigins(data)]);
  const origins = options.port === undefined ? set : [...set.filter(({ key }) => key !== "server.port"), { key: "server.port", from: "up --port" }];
  const { promise: interrupted, resolve } = Promise.withResolvers<"interrupted">();
  using _interrupts = new Interrupts(() => resolve("interrupted"));
  let isStopped = false;
  const onReport = (report: SupervisorReport): void => {
    isStopped ||= report.type === "stopped";
    screen.record(report);
    if (!screen.json) printStackReport(screen, report);
  };
  const stackOptions: StackOptions = {
    data,
    settings: { ...settings, worker: { ...settings.worker, sandbox } },
    origins,
    parts: ALL_PARTS,
    later: [],
    modelKeys,
  };
  const stack = await Stack.start(stackOptions, onReport);
  try {
    await stack.complete;
    if (!screen.json) greet(screen, stack.url, stackOptions, await modelsText(config, data));
    const why = await Promise.race([interrupted, stack.ended().then(() => "ended" as const)]);
    if (why === "ended" && !isStopped)
      throw new SlipwayError("INTERNAL", "Slipway's supervisor ended by itself.", { hint: `Look at the logs in ${data}/logs.` });
    if (why === "interrupted") screen.progress(screen.colors.dim("Stopping; jobs at work are given back and go on at the next start …"));
  } finally {
    await stack.stop();
  }
  screen.progress("Stopped.");
  exitWith(EXIT_CODES.ok.code);
}

function withFlags({ server, worker, ...others }: InstallationConfig, { port, slots, sandbox, image }: UpOptions): InstallationConfig {
  return {
    ...others,
    server: { ...server, port: port ?? server.port },
    worker: { ...worker, slots: slots ?? worker.slots, sandbox: sandbox ?? worker.sandbox, ...(image === undefined ? {} : { image }) },
  };
}

async function refuseSecond(data: string): Promise<void> {
  const running = await runningServer(data);
  if (!running) return;
  const pid = (await readServerFile(data))?.pid;
  throw new SlipwayError("DATA_FOLDER_IN_USE", `A server already runs on this data folder, at ${running.url}${pid ? ` (process ${pid})` : ""}.`, {
    hint: "Nothing to start: `slipway run` and all other commands use it. For a second one, choose another folder with --data.",
    data,
  });
}

/** Which providers have what they need, in one line. */
async function modelsText(config: GatewayConfig, data: string): Promise<string> {
  const missing = await missingKeys(config, data);
  const told = Object.keys(config.providers).map((provider) => {
    const key = missing.find((one) => one.provider === provider);
    return key ? `${provider} (no ${key.name} yet: see \`slipway backends\`)` : provider;
  });
  return told.join(", ") || "none configured";
}

function greet(screen: Screen, url: string, options: StackOptions, models: string): void {
  const { colors } = screen;
  const row = (name: string, value: string): void => screen.print(`  ${colors.dim(name.padEnd(9))} ${value}`);
  screen.print(`${colors.bold("Slipway is up.")} ${colors.dim("Ctrl-C stops it.")}`);
  row("url", url);
  const { worker } = options.settings;
  row("data", options.data);
  row("token", tokenFile(options.data, "admin"));
  row("logs", logFile(options.data, "*"));
  row("models", models);
  row("slots", `${worker.slots} jobs at once`);
  if (worker.sandbox === "bwrap") row("sandbox", "bwrap (own processes, mounts and network for each job)");
  else if (worker.sandbox === "docker") row("sandbox", `docker (a container of ${worker.image ?? "slipway/all, else slipway/base,"} for each job)`);
  else {
    row("sandbox", colors.yellow("none"));
    screen.warn("sandbox: none – agents run without any isolation, with your rights: they can read and change all that you can.");
  }
  screen.print();
  screen.print("Next, in any git repository:");
  screen.print('  slipway run "what the agent should do"');
  screen.print("  slipway jobs");
  screen.print("  slipway open        # the dashboard, in the browser");
}
