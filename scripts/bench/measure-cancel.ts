import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { BenchStack } from "./bench-stack.ts";
import { type Figure, figure } from "./figures.ts";

const LOOK_MS = 5;
const LIMIT_MS = 30_000;

/** From the cancel request to the moment when no process of the agent's tree is left, a daemon in its own session among them. */
export async function measureCancel(quick: boolean): Promise<Figure[]> {
  await using stack = await BenchStack.start(["worker", "integrator"]);
  const { repository, oid } = await stack.repository(10);
  const values: number[] = [];
  for (let round = 0; round < (quick ? 3 : 10); round += 1) {
    // A number of seconds that nobody else sleeps marks the processes of this round.
    const marker = String(900_000 + (process.pid % 10_000) * 10 + round);
    const script = { turns: [[{ daemon: `setsid sleep ${marker}` }, { shell: `sleep ${marker} & sleep ${marker}` }]] };
    const job = await stack.submit({ repo: repository.id, task: "bench", base: oid, lane: "interactive", backendConfig: { script } });
    await until(async () => (await countOf(marker)) >= 3);
    const start = performance.now();
    await stack.client().call("cancelJob", { params: { job: job.id }, body: {} });
    await until(async () => (await countOf(marker)) === 0);
    values.push(performance.now() - start);
  }
  return [figure("cancel → process tree dead", "ms", values, { of: "median", limit: 1_000, side: "below" }, `slowest ${Math.max(...values).toFixed(0)} ms`)];
}

/** Processes on this machine, sandboxes included, whose command line is `sleep MARKER`. */
async function countOf(marker: string): Promise<number> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line === `sleep\0${marker}\0`).length;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + LIMIT_MS; performance.now() < deadline; await sleep(LOOK_MS)) if (await condition()) return;
  throw new Error(`nothing happened for ${LIMIT_MS / 1_000} s`);
}
