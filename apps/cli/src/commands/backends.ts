import { toSlipwayError } from "@slipway/protocol/errors";
import type { GatewayCheck } from "@slipway/protocol/gateway-config";
import type { BrokenBackend, Manifest } from "@slipway/protocol/manifest";
import type { WorkerView } from "@slipway/protocol/worker-api";
import type { Command } from "commander";
import { configuredSandbox, probeWhereJobsRun } from "../backends/ask-images.ts";
import { listBackends } from "../backends/ask-runner.ts";
import { backendSecretsFolder } from "../configuration/installation.ts";
import { connect } from "../connection.ts";
import { placeOfSecret } from "../doctor/secrets.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { checkGateway } from "../models/ask-gateway.ts";
import { answerText, isUsable, keyText, type ProviderCheck, remedyOf } from "../models/provider-text.ts";
import { dataFolder } from "../stack/data-folder.ts";
import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { commandLines, printable, wrap } from "../terminal/text.ts";
import { addBackendsNew } from "./backends-new.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";

/** A backend as it stands on this machine, and on the workers of the server that runs. */
interface BackendRow {
  readonly name: string;
  readonly version: string | null;
  readonly summary: string | null;
  readonly needsModel: boolean | null;
  readonly capabilities: Manifest["capabilities"] | null;
  /** The agent's program as the backend pins it; null where no registry has it. */
  readonly release: Manifest["release"] | null;
  readonly secrets: ReadonlyArray<Manifest["secrets"][number] & { readonly there: boolean; readonly found: string }>;
  readonly installed: { readonly ok: boolean; readonly tried: string; readonly found: string; readonly remedy: string | null } | null;
  /** Names of the connected workers that have it. */
  readonly workers: readonly string[];
}

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
  addBackendsNew(backends);
}

async function backendsCommand(options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const data = dataFolder(options.data);
  const [listed, probed, gateway, workers] = await Promise.all([
    listBackends(data),
    configuredSandbox(data).then((sandbox) => probeWhereJobsRun(data, sandbox)),
    checkGateway(data),
    connectedWorkers(screen, options),
  ]);
  const silent = [listed, probed].find((answer) => !answer.ok);
  if (silent && !silent.ok) screen.warn(`The runner does not say which backends are here: ${silent.found}`);
  const { manifests, broken } = listed.ok ? listed.value : { manifests: [], broken: [] };
  const probes = (probed.ok ? probed.value : []).filter(({ backend }) => !listed.ok || manifests.some(({ name }) => name === backend));
  const rows = await withSecrets(rowsOf(manifests, probes, workers ?? []), data);
  screen.document({ backends: rows, broken, gateway: typeof gateway === "string" ? null : gateway, workers: workers?.map(({ name }) => name) ?? null });
  if (!screen.json) {
    for (const line of backendTable(screen, rows, workers !== undefined)) screen.print(line);
    printModels(screen, gateway);
    printRemedies(screen, rows, broken, gateway);
  } else if (typeof gateway === "string") screen.warn(`The gateway does not say which models are here: ${gateway}`);
  exitWith(silent || typeof gateway === "string" ? EXIT_CODES.environment.code : EXIT_CODES.ok.code);
}

/** Undefined where no server runs, which is nothing to complain of here. */
async function connectedWorkers(screen: Screen, { data }: CommonOptions): Promise<WorkerView[] | undefined> {
  try {
    const { client } = await connect({ data });
    const { workers } = await client.call("listWorkers", { signal: AbortSignal.timeout(5_000) });
    return workers.filter((worker) => worker.connected);
  } catch (error) {
    const { code, message } = toSlipwayError(error);
    if (code !== "SERVER_UNAVAILABLE" || process.env["SLIPWAY_URL"]) screen.warn(`The workers are not known: ${message}`);
    return undefined;
  }
}

type Probe = { readonly backend: string; readonly ok: boolean; readonly tried: string; readonly found: string; readonly remedy?: string | undefined };

type BareRow = Omit<BackendRow, "secrets"> & Pick<Manifest, "secrets">;

/** Says of each secret whether a worker that is started from here would find it. */
async function withSecrets(rows: readonly BareRow[], data: string): Promise<BackendRow[]> {
  const folder = await backendSecretsFolder(data);
  return await Promise.all(
    rows.map(async (row) => {
      const places = await Promise.all(row.secrets.map(({ name }) => placeOfSecret(name, folder, process.env)));
      return {
        ...row,
        secrets: row.secrets.map((secret, index) => ({ ...secret, there: places[index]?.state === "found", found: places[index]?.words ?? "" })),
      };
    }),
  );
}

function rowsOf(manifests: readonly Manifest[], probes: readonly Probe[], workers: readonly WorkerView[]): BareRow[] {
  const remote = workers.flatMap((worker) => worker.backends);
  const names = new Set([...probes.map(({ backend }) => backend), ...[...manifests, ...remote].map(({ name }) => name)]);
  return Array.from(names, (name) => {
    const manifest = manifests.find((one) => one.name === name) ?? remote.find((one) => one.name === name);
    const probe = probes.find(({ backend }) => backend === name);
    return {
      name,
      version: manifest?.version ?? null,
      summary: manifest?.summary ?? null,
      needsModel: manifest?.capabilities.model ?? null,
      capabilities: manifest?.capabilities ?? null,
      release: manifest?.release ?? null,
      secrets: manifest?.secrets ?? [],
      installed: probe ? { ok: probe.ok, tried: probe.tried, found: probe.found, remedy: probe.remedy ?? null } : null,
      workers: workers.filter((worker) => worker.backends.some((backend) => backend.name === name)).map((worker) => worker.name),
    };
  });
}

function backendTable(screen: Screen, rows: readonly BackendRow[], isConnected: boolean): string[] {
  const { colors } = screen;
  const columns: Array<Column<BackendRow>> = [
    { title: "backend", text: ({ name }) => name, paint: (text) => colors.bold(text) },
    { title: "version", text: ({ version }) => version ?? "?" },
    { title: "agent here", text: agentText, grows: true, paint: (text, { installed }) => (installed?.ok ? colors.green(text) : colors.yellow(text)) },
    { title: "model", text: ({ needsModel }) => (needsModel === null ? "?" : needsModel ? "needed" : "not needed") },
    { title: "can", text: ({ capabilities }) => (capabilities ? capabilityWords(capabilities) : "?") },
    { title: "secrets", text: ({ secrets }) => secrets.map(secretText).join(", ") },
    { title: "workers", text: ({ workers }) => workers.join(" ") || "none" },
  ];
  const shown = columns.filter(({ title }) => (title !== "secrets" || rows.some(({ secrets }) => secrets.length > 0)) && (title !== "workers" || isConnected));
  return tableLines(screen, shown, rows);
}

/** What a job can ask of it, in the manifest's own words. */
function capabilityWords(capabilities: Manifest["capabilities"]): string {
  const names = ["resume", "steer", "readOnly", "images", "mcp", "permissions"] as const;
  return names.filter((name) => capabilities[name]).join(" ") || "-";
}

function secretText({ name, required, there }: BackendRow["secrets"][number]): string {
  return there ? name : `${required ? "no" : "without"} ${name}`;
}

function agentText({ installed }: BackendRow): string {
  return installed ? printable(installed.found) : "not on this machine";
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
    { title: "answer", text: (provider) => printable(answerText(provider)), grows: true, paint },
    { title: "address", text: ({ baseUrl }) => baseUrl },
  ];
  if (gateway.providers.length === 0) screen.print(colors.dim("No model providers are configured."));
  else for (const line of tableLines(screen, columns, gateway.providers)) screen.print(line);
}

/** What is missing and how to get it; what to type stands on lines of its own. */
function printRemedies(screen: Screen, rows: readonly BackendRow[], broken: readonly BrokenBackend[], gateway: GatewayCheck | string): void {
  const lacking = rows.flatMap(({ name, installed }) =>
    installed && !installed.ok ? [[name, installed.found, installed.remedy ?? "See docs/backends.md."] as const] : [],
  );
  const unloadable = broken.map(
    ({ name, package: packageName, file, problem, expected, remedy }) =>
      [name, `cannot be loaded (package ${packageName}): ${file}: ${problem}. Expected ${expected}.`, remedy] as const,
  );
  const checked = typeof gateway === "string" ? undefined : gateway;
  const unusable = checked?.problem ? [["gateway.yaml", checked.problem.message, checked.problem.hint] as const] : [];
  const silent = (checked?.problem ? [] : (checked?.providers ?? [])).filter((provider) => !isUsable(provider));
  const providers = silent.map(
    (provider) => [provider.provider, provider.answer === null ? keyText(provider) : answerText(provider), remedyOf(provider)] as const,
  );
  const secretless = rows.flatMap(({ name, secrets }) =>
    secrets.flatMap((secret) =>
      secret.required && !secret.there ? [[name, `${secret.name}: ${secret.found}`, `${secret.hint} \`slipway doctor\` says what to type.`] as const] : [],
    ),
  );
  for (const [name, found, remedy] of [...unloadable, ...lacking, ...secretless, ...unusable, ...providers]) {
    screen.print();
    for (const line of wrap(`${name}: ${printable(found)}`, screen.width)) screen.print(screen.colors.yellow(line));
    for (const line of commandLines(remedy, screen.width - 2)) screen.print(`  ${line}`);
  }
}
