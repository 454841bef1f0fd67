import { afterAll, expect, test } from "vitest";
import { ended } from "../support/jobs.ts";
import type { PartName, Stack } from "../support/stack.ts";
import { killNow, pidsOf } from "./processes.ts";
import { Random } from "./random.ts";
import { Scene } from "./scene.ts";

/**
 * Several jobs at once over the slots of two workers, while processes are killed at random instants and started again: every job ends once and lands
 * once, no event is lost or repeated, nothing is left over. The same SEED gives the same kills at the same requests; what lies between them is the
 * machine's own.
 */
const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const { JOBS, KILLS, LIMIT_MS } =
  process.env["SLIPWAY_FAULTS"] === "all" ? { JOBS: 32, KILLS: 80, LIMIT_MS: 1_200_000 } : { JOBS: 8, KILLS: 12, LIMIT_MS: 240_000 };
/** At most so many requests pass between a restart and the next kill. */
const LONGEST_CALM = 40;

/** A whole part, or one sandbox of either worker. */
type Victim = PartName | "sandbox";
const VICTIMS: readonly Victim[] = ["server", "worker", "second", "integrator", "worker", "second", "sandbox"];

async function kill(stack: Stack, victim: Victim, random: Random): Promise<void> {
  if (victim !== "sandbox") return await stack.signal(victim, "SIGKILL");
  const pids = await pidsOf(stack.data, "init");
  if (pids.length > 0) killNow(random.pick(pids));
}

let scene: Scene | undefined;
afterAll(() => scene?.[Symbol.asyncDispose]());

test(
  `${JOBS} jobs, two workers, and ${KILLS} kills at random instants (SEED=${seed})`,
  async () => {
    console.log(`random kills: SEED=${seed}`);
    const random = new Random(seed);
    scene = await Scene.open();
    const { stack, client } = scene;
    await stack.start("second");
    const jobs = [];
    // Each sandbox that is killed costs an attempt.
    for (let index = 0; index < JOBS; index += 1) jobs.push(await scene.submit({ maxAttempts: 20 }));
    const allOver = Promise.all(jobs.map(({ id }) => ended(client, id)));
    const log: string[] = [];
    for (let index = 0; index < KILLS; index += 1) {
      const victim = random.pick(VICTIMS);
      const moment = { request: /./, when: random.pick(["before", "after"] as const), skip: random.below(LONGEST_CALM) };
      let isStruck = false;
      const killed = stack.between.arm(moment, () => {
        isStruck = true;
        return kill(stack, victim, random);
      });
      await Promise.race([killed, allOver]);
      if (!isStruck) break;
      await killed;
      log.push(`${victim} ${moment.when} ${moment.skip}`);
      if (victim !== "sandbox") await stack.start(victim);
    }
    stack.between.disarm();
    console.log(`killed: ${log.join(", ")}`);
    for (const job of jobs) await scene.landedOnce(job);
    await scene.nothingOfAttempts();
    await scene.nothingLeft();
    expect(log.length).toBeGreaterThan(KILLS / 2);
  },
  LIMIT_MS,
);
