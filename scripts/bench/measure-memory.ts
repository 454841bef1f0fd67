import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { BenchStack } from "./bench-stack.ts";
import { type Figure, figure } from "./figures.ts";

/** After this an idle process has done all that its start brings. */
const IDLE_MS = 4_000;

/** Memory of an idle server, worker and integrator: what is in RAM (RSS), and that with shared pages counted by their share (PSS). */
export async function measureMemory(quick: boolean): Promise<Figure[]> {
  await using stack = await BenchStack.start(["worker", "integrator"]);
  await sleep(quick ? IDLE_MS / 2 : IDLE_MS);
  const limits = { server: 150, worker: 120, integrator: undefined } as const;
  const figures: Figure[] = [];
  for (const name of ["server", "worker", "integrator"] as const) {
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
