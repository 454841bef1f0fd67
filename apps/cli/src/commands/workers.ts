import { SlipwayError } from "@slipway/protocol/errors";
import type { WorkerView } from "@slipway/protocol/worker-api";
import { workspaceKindOf } from "@slipway/protocol/workspace-kind";
import type { Command } from "commander";
import { Option } from "commander";
import { type Connection, connect } from "../connection.ts";
import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { ago, plural, printable } from "../terminal/text.ts";
import { drainWorkers, workersCalled } from "./drain.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { withReader } from "./reading.ts";

const STATES = ["connected", "cordoned", "draining", "away"] as const;
type WorkerState = (typeof STATES)[number];

interface ListOptions extends CommonOptions {
  readonly state?: WorkerState[];
  readonly backend?: string;
}

/** The workers that the server knows. */
export function addWorkers(program: Command): void {
  const workers = program
    .command("workers")
    .summary("the workers there are, and what they run; drain or cordon one")
    .description("Workers that ever registered with the server.");
  withCommon(workers.command("list", { isDefault: true }))
    .summary("list workers; `slipway workers` alone does too")
    .addOption(new Option("--state <state...>", "only in these states").choices([...STATES]))
    .option("--backend <name>", "only those that have this backend")
    .action(listCommand);
  withCommon(workers.command("drain").argument("<worker>", "name or id of the worker"))
    .summary("let one worker finish what it has and take nothing more (role admin)")
    .option("--no-wait", "do not wait until it has finished")
    .action(async (worker: string, options: CommonOptions & { wait: boolean }) => await drainWorkers(worker, options));
  withCommon(workers.command("cordon").argument("<worker>", "name or id of the worker"))
    .summary("let one worker take nothing more for now, and go on with what it runs (role admin)")
    .description(
      "Lets one worker take nothing more, and go on with what it runs, until `slipway workers uncordon`: over restarts of the worker and of the server too.",
    )
    .option("--reason <text>", "why, for everybody who waits")
    .action(cordonCommand);
  withCommon(workers.command("uncordon").argument("<worker>", "name or id of the worker"))
    .summary("let a worker that was cordoned take jobs again (role admin)")
    .action(uncordonCommand);
}

async function cordonCommand(wanted: string, { reason, ...options }: CommonOptions & { readonly reason?: string }): Promise<void> {
  const screen = screenOf(options);
  const connection = await connect({ data: options.data });
  const { id, name, running } = await findWorker(connection, wanted);
  const cordon = await connection.client.call("cordonWorker", { params: { worker: id }, body: reason === undefined ? {} : { reason } });
  screen.document({ worker: { id, name }, cordon });
  const left = running.length === 0 ? "it runs none" : `it goes on with ${running.map(({ number }) => number).join(" ")}`;
  screen.print(`${printable(name)} takes no jobs: ${left}`);
  screen.print(screen.colors.dim(`\`slipway workers uncordon ${printable(name)}\` takes it back.`));
}

async function uncordonCommand(wanted: string, options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const connection = await connect({ data: options.data });
  const { id, name } = await findWorker(connection, wanted);
  const { wasCordoned } = await connection.client.call("uncordonWorker", { params: { worker: id }, body: {} });
  screen.document({ worker: { id, name }, wasCordoned });
  screen.print(wasCordoned ? `${printable(name)} takes jobs again` : `${printable(name)} was not cordoned`);
}

async function findWorker(connection: Connection, wanted: string): Promise<WorkerView> {
  const [worker, another] = await workersCalled(connection, wanted);
  if (worker && another)
    throw new SlipwayError("INVALID_REQUEST", `Several workers are called "${wanted}".`, {
      field: "worker",
      value: wanted,
      expected: "the id of one, as `slipway workers --json` shows it",
    });
  return worker as WorkerView;
}

async function listCommand({ state, backend, ...options }: ListOptions): Promise<void> {
  const screen = screenOf(options);
  const answer = await withReader(options, ({ client }) => client.call("listWorkers", {}));
  const workers = answer.workers
    .filter((worker) => state === undefined || state.includes(stateOf(worker)))
    .filter((worker) => backend === undefined || worker.backends.some(({ name }) => name === backend));
  screen.document({ workers: workers.map((worker) => ({ ...worker, state: stateOf(worker), backends: worker.backends.map(({ name }) => name) })) });
  if (workers.length > 0) {
    const columns = columnsOf(screen).filter(({ title }) => title !== "images" || workers.some(({ images }) => images.length > 0));
    for (const line of tableLines(screen, columns, workers)) screen.print(line);
    for (const { name, warnings } of workers) for (const text of warnings) screen.print(screen.colors.yellow(`${printable(name)}: ${printable(text)}`));
  } else if (answer.workers.length === 0) screen.print(screen.colors.dim("No worker has registered yet: `slipway up` starts one."));
  else screen.print(screen.colors.dim(`None of the ${plural(answer.workers.length, "worker")} fits: leave --state or --backend out.`));
}

function columnsOf(screen: Screen): Array<Column<WorkerView>> {
  const { colors } = screen;
  const paint = { connected: colors.green, cordoned: colors.yellow, draining: colors.yellow, away: colors.dim };
  return [
    { title: "worker", text: ({ name }) => printable(name) },
    { title: "state", text: stateText, paint: (text, worker) => paint[stateOf(worker)](text) },
    { title: "slots", text: ({ running, slots }) => `${running.length}/${slots}`, align: "right" },
    { title: "sandbox", text: ({ sandbox }) => sandbox, paint: (text, { sandbox }) => (sandbox === "none" ? colors.yellow(text) : text) },
    { title: "workspaces", text: ({ capabilities }) => workspaceKindOf(capabilities) ?? "?" },
    { title: "version", text: ({ version }) => printable(version) },
    { title: "backends", text: backendsText },
    { title: "images", text: imagesText },
    { title: "jobs", text: ({ running }) => running.map(({ number }) => number).join(" "), grows: true },
  ];
}

/** Those whose agent is not there are counted. */
function backendsText({ backends, agents }: WorkerView): string {
  const absent = new Set(agents.flatMap(({ backend, ok }) => (ok ? [] : [backend])));
  const there = backends.map(({ name }) => name).filter((name) => !absent.has(name));
  return `${printable(there.join(" ")) || "none"}${absent.size > 0 ? ` (${absent.size} without agent)` : ""}`;
}

/** Each image with the backends whose jobs run in it; one that is all backends' stands alone. */
function imagesText({ images }: WorkerView): string {
  const byImage = Map.groupBy(images, ({ image }) => image);
  return Array.from(byImage, ([image, of]) => (byImage.size === 1 ? image : `${image} (${of.map(({ backend }) => backend).join(" ")})`))
    .map(printable)
    .join(", ");
}

function stateOf({ connected, draining, cordon }: WorkerView): WorkerState {
  if (!connected) return "away";
  if (draining) return "draining";
  return cordon === null ? "connected" : "cordoned";
}

function stateText(worker: WorkerView): string {
  const state = stateOf(worker);
  const { cordon } = worker;
  const by = cordon === null ? "" : `by ${printable(cordon.by)}${cordon.reason === null ? "" : `: ${printable(cordon.reason)}`}`;
  if (state === "away") return `away, seen ${ago(worker.lastSeenAt)}${cordon === null ? "" : `, cordoned ${by}`}`;
  if (state === "cordoned") return `cordoned ${by}`;
  return worker.held === null ? state : `${state}, takes nothing: ${printable(worker.held)}`;
}
