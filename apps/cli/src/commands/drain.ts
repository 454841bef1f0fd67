import { setTimeout as sleep } from "node:timers/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import type { WorkerView } from "@slipway/protocol/worker-api";
import type { Command } from "commander";
import { type Connection, connect } from "../connection.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { Interrupts } from "../follow/interrupts.ts";
import { plural } from "../terminal/text.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";

const LOOK_MS = 500;

export function addDrain(program: Command): void {
  withCommon(program.command("drain").argument("[worker]", "name or id; all workers where it is missing"))
    .summary("let workers finish what they have and take nothing more")
    .option("--no-wait", "do not wait until they have finished")
    .action(drainWorkers);
}

/** Has one worker, or all that are connected, finish what they have; waits for that unless told not to. */
export async function drainWorkers(worker: string | undefined, options: CommonOptions & { wait: boolean }): Promise<void> {
  const screen = screenOf(options);
  const connection = await connect({ data: options.data });
  const chosen = await workersCalled(connection, worker);
  await Promise.all(chosen.map(({ id }) => connection.client.call("drainWorker", { params: { worker: id }, body: {} })));
  if (!options.wait) {
    screen.document({ workers: chosen.map(({ id, name }) => ({ id, name })), complete: false });
    return screen.print(`draining ${plural(chosen.length, "worker")}`);
  }
  using interrupts = new Interrupts(() => interrupts.abort());
  let told = -1;
  for (;;) {
    const ids = new Set(chosen.map(({ id }) => id));
    const active = (await workersOf(connection)).filter(({ id }) => ids.has(id)).reduce((sum, { running }) => sum + running.length, 0);
    if (active === 0) break;
    if (active !== told) screen.progress(`draining: ${plural(active, "active job")} left`);
    told = active;
    if (!(await pause(interrupts.signal))) return exitWith(EXIT_CODES.interrupted.code);
  }
  screen.document({ workers: chosen.map(({ id, name }) => ({ id, name })), complete: true });
  screen.print("drain complete, 0 active jobs");
}

async function workersOf({ client }: Connection): Promise<WorkerView[]> {
  return (await client.call("listWorkers", {})).workers;
}

/** Workers of this name or id, at least one; all that are connected where none is named. NOT_FOUND. */
export async function workersCalled(connection: Connection, wanted: string | undefined): Promise<WorkerView[]> {
  const workers = await workersOf(connection);
  const chosen = wanted === undefined ? workers.filter(({ connected }) => connected) : workers.filter(({ id, name }) => id === wanted || name === wanted);
  if (chosen.length > 0) return chosen;
  const names = workers.map(({ name }) => name).join(", ") || "none";
  throw new SlipwayError("NOT_FOUND", wanted === undefined ? "No worker is connected." : `There is no worker "${wanted}".`, {
    hint: `Workers that the server knows: ${names}.`,
  });
}

/** False where Ctrl-C ended the pause. */
async function pause(signal: AbortSignal): Promise<boolean> {
  return await sleep(LOOK_MS, true, { signal }).catch(() => false);
}
