import type { Client } from "@slipway/protocol/client";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { GatewayCheck } from "@slipway/protocol/gateway-config";
import type { BrokenBackend } from "@slipway/protocol/manifest";
import type { Circuit } from "@slipway/protocol/routing";
import type { WorkerView } from "@slipway/protocol/worker-api";
import type { Command } from "commander";
import { configuredSandbox, probeWhereJobsRun } from "../backends/ask-images.ts";
import { listBackends } from "../backends/ask-runner.ts";
import { type BackendRow, backendRows } from "../backends/backend-rows.ts";
import { backendTable } from "../backends/backend-table.ts";
import { circuitText } from "../backends/circuit-text.ts";
import { installCommand } from "../backends/install-agent.ts";
import { backendSecretsFolder } from "../configuration/installation.ts";
import { connect } from "../connection.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { checkGateway } from "../models/ask-gateway.ts";
import { answerText, hasKey, isUsable, keyText, type ProviderCheck, remedyOf, withoutKey } from "../models/provider-text.ts";
import { dataFolder } from "../stack/data-folder.ts";
import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { commandLines, cut, printable, wrap } from "../terminal/text.ts";
import { addBackendsInstall } from "./backends-install.ts";
import { addBackendsNew } from "./backends-new.ts";
import { addBackendsReset } from "./backends-reset.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";

/** The remedy below has all of it. */
const ANSWER_WIDTH = 36;

export function addBackends(program: Command): void {
  const backends = program
    .command("backends")
    .summary("the agents and models there are, how to get them, and how to write one")
    .description("The kinds of agents that jobs can name.");
  withCommon(backends.command("list", { isDefault: true }))
    .summary("list backends and models; `slipway backends` alone does too")
    .description(
      "Shows each backend on this machine, whether its agent is installed and needs a model, and for each model provider whether its key is there and it answers.",
    )
    .action(backendsCommand);
  addBackendsInstall(backends);
  addBackendsNew(backends);
  addBackendsReset(backends);
}

async function backendsCommand(options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const data = dataFolder(options.data);
  const [listed, probed, gateway, server] = await Promise.all([
    listBackends(data),
    configuredSandbox(data).then((sandbox) => probeWhereJobsRun(data, sandbox)),
    checkGateway(data),
    connected(screen, options),
  ]);
  const silent = [listed, probed].find((answer) => !answer.ok);
  if (silent && !silent.ok) screen.warn(`The runner does not say which backends are here: ${silent.found}`);
  const { manifests, broken } = listed.ok ? listed.value : { manifests: [], broken: [] };
  const rows = await backendRows({
    manifests,
    probes: (probed.ok ? probed.value : []).filter(({ backend }) => !listed.ok || manifests.some(({ name }) => name === backend)),
    workers: server?.workers ?? [],
    circuits: server?.circuits ?? [],
    gateway: typeof gateway === "string" || gateway.problem !== null ? undefined : gateway,
    client: server?.client,
    secretsFolder: await backendSecretsFolder(data),
  });
  screen.document({
    ...{ backends: rows, broken, gateway: typeof gateway === "string" ? null : gateway },
    workers: server?.workers.map(({ name }) => name) ?? null,
  });
  if (!screen.json) {
    for (const line of backendTable(screen, rows, server !== undefined)) screen.print(line);
    printModels(screen, gateway);
    printRemedies(screen, rows, broken, gateway);
  } else if (typeof gateway === "string") screen.warn(`The gateway does not say which models are here: ${gateway}`);
  exitWith(silent || typeof gateway === "string" ? EXIT_CODES.environment.code : EXIT_CODES.ok.code);
}

/** The server that runs, and its workers that are connected; undefined where none runs, which is nothing to complain of here. */
async function connected(screen: Screen, { data }: CommonOptions): Promise<{ client: Client; workers: WorkerView[]; circuits: Circuit[] } | undefined> {
  try {
    const { client } = await connect({ data });
    const signal = AbortSignal.timeout(5_000);
    const [{ workers }, { circuits }] = await Promise.all([client.call("listWorkers", { signal }), client.call("listCircuits", { signal })]);
    return { client, workers: workers.filter((worker) => worker.connected), circuits };
  } catch (error) {
    const { code, message } = toSlipwayError(error);
    if (code !== "SERVER_UNAVAILABLE" || process.env["SLIPWAY_URL"]) screen.warn(`The workers are not known: ${message}`);
    return undefined;
  }
}

function printModels(screen: Screen, gateway: GatewayCheck | string): void {
  const { colors } = screen;
  if (typeof gateway === "string") screen.warn(`The gateway does not say which models are here: ${gateway}`);
  if (typeof gateway === "string" || gateway.problem !== null) return;
  screen.print();
  const paint = (text: string, provider: ProviderCheck): string => (isUsable(provider) ? colors.green(text) : colors.yellow(text));
  const columns: Array<Column<ProviderCheck>> = [
    { title: "models of", text: ({ provider }) => provider, paint: (text) => colors.bold(text) },
    { title: "key", text: keyText, paint },
    { title: "answer", text: (provider) => cut(printable(answerText(provider)), ANSWER_WIDTH), paint },
    { title: "address", text: ({ baseUrl }) => baseUrl, grows: true },
  ];
  if (gateway.providers.length === 0) screen.print(colors.dim("No model providers are configured."));
  else for (const line of tableLines(screen, columns, gateway.providers)) screen.print(line);
}

/** What is missing and how to get it; what to type stands on lines of its own. Agents and keys that nobody may want are told in one line each. */
function printRemedies(screen: Screen, rows: readonly BackendRow[], broken: readonly BrokenBackend[], gateway: GatewayCheck | string): void {
  const told: Array<readonly [name: string, found: string, remedy: string]> = broken.map(
    ({ name, package: packageName, file, problem, expected, remedy }) =>
      [name, `cannot be loaded (package ${packageName}): ${file}: ${problem}. Expected ${expected}.`, remedy] as const,
  );
  const installable: string[] = [];
  for (const { name, installed, secrets, circuits } of rows) {
    for (const circuit of circuits) told.push([name, circuitText(circuit), `slipway backends reset ${name}`]);
    if (installed && !installed.ok && installed.remedy === installCommand(name)) installable.push(name);
    else if (installed && !installed.ok) told.push([name, installed.found, installed.remedy ?? "See docs/backends.md."]);
    for (const secret of secrets)
      if (secret.required && !secret.there) told.push([name, `${secret.name}: ${secret.found}`, `${secret.hint} \`slipway doctor\` says what to type.`]);
  }
  if (installable.length > 0) told.push(["agents", `not on this machine: ${installable.join(", ")}`, installCommand("NAME")]);
  if (typeof gateway !== "string" && gateway.problem) told.push(["gateway.yaml", gateway.problem.message, gateway.problem.hint]);
  if (typeof gateway !== "string" && !gateway.problem) told.push(...providerRemedies(rows, gateway.providers));
  for (const [name, found, remedy] of told) {
    screen.print();
    for (const line of wrap(`${name}: ${printable(found)}`, screen.width)) screen.print(screen.colors.yellow(line));
    for (const line of commandLines(remedy, screen.width - 2)) screen.print(`  ${line}`);
  }
}

/** Of providers that an agent here asks, and of those that have a key, each in full; the others need a key when somebody wants them. */
function providerRemedies(rows: readonly BackendRow[], providers: readonly ProviderCheck[]): Array<readonly [string, string, string]> {
  const wanted = new Set(rows.flatMap(({ installed, provider }) => (installed?.ok && provider ? [provider.name] : [])));
  const silent = providers.filter((provider) => !isUsable(provider));
  const keyless = silent.filter((provider) => !wanted.has(provider.provider) && !hasKey(provider));
  const isFolded = (provider: ProviderCheck): boolean => keyless.length > 1 && keyless.includes(provider);
  const inFull = silent.filter((provider) => !isFolded(provider));
  return [
    ...inFull.map((provider) => [provider.provider, provider.answer === null ? keyText(provider) : answerText(provider), remedyOf(provider)] as const),
    ...(keyless.length > 1
      ? [
          [
            "keys",
            ...withoutKey(
              keyless.map(({ provider, keyName }) => ({ provider, keyName: keyName ?? "" })),
              remedyOf(keyless[0] as ProviderCheck),
            ),
          ] as const,
        ]
      : []),
  ];
}
