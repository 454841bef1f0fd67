import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { BenchStack } from "./bench-stack.ts";
import { type Figure, figure } from "./figures.ts";

/** After this an idle process has done all that its start brings; V8 gives back the pages of a thread that ended after some 8 seconds. */
const IDLE_MS = 10_000;

/**
 * Memory of an idle server, worker, integrator and gateway: what is in RAM (RSS), and that with shared pages counted by their share (PSS). Not of the very
 * first start of a version on a machine: that one compiles the code for those after it, and has the compiler in memory.
 */
export async function measureMemory(): Promise<Figure[]> {
  await (await BenchStack.start(["worker", "integrator", "gateway"]))[Symbol.asyncDispose]();
  await using stack = await BenchStack.start(["worker", "integrator", "gateway"]);
  await sleep(IDLE_MS);
  const limits = { server: 150, worker: 120, integrator: undefined, gateway: 80 } as const;
  const figures: Figure[] = [];
  for (const name of ["server", "worker", "integrator", "gateway"] as const) {
    const { rssMiB, pssMiB } = await memoryOf(stack.pidOf(name));
    const limit = limits[name];
    figures.push(
      figure(`${name}, idle`, "MiB", [rssMiB], limit === undefined ? undefined : { of: "median", limit, side: "below" }, `RSS; PSS ${pssMiB.toFixed(0)} MiB`),
    );
  }
  return figures;
}

async function memoryOf(pid: number): Promise<{ rssMiB: number; pssMiB: number }> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN) / 1_024;
  return { rssMiB: field("Rss"), pssMiB: field("Pss") };
}
