import { type FamilySeeds, familyOf, type ProcessMark, processTable } from "@slipway/process/process-table";
import { SlipwayError } from "@slipway/protocol/errors";
import { endMarked } from "../processes.ts";

/** Carried by every process of a sandbox without isolation; its value is the sandbox's id. */
export const LABEL = "SLIPWAY_SANDBOX";
/** Carried too by the processes of a one-shot. */
export const RUN_LABEL = "SLIPWAY_SANDBOX_RUN";

const ROUNDS = 100;

/**
 * Ends the processes that carry `name=value` in the environment that they were started with, with their descendants and process groups, and those of
 * the seeds. By ownership, never by the name of a program. Looks again until nothing new shows up: one that forks while the others are looked for is
 * found in the next round. What left all of that behind is not found, which is why `none` is best effort; `familyOf` says what. INTERNAL where they
 * keep coming.
 */
export async function endFamily(name: string, value: string, seeds: FamilySeeds = {}): Promise<void> {
  const groups = new Set(seeds.groups);
  for (let round = 0; round < ROUNDS; round += 1) {
    // A seed that was killed is none any more.
    const pids = round === 0 ? seeds.pids : undefined;
    const family = familyOf(processTable().list(`${name}=${value}`), { pids, groups });
    if (family.length === 0) return;
    // A child whose parent is killed now is still in a group that was seen.
    for (const { group } of family) groups.add(group);
    await endMarked(family);
  }
  throw new SlipwayError("INTERNAL", "Processes of a sandbox without isolation keep coming back.", { [name]: value });
}

/** SANDBOX_UNAVAILABLE where this machine does not tell of its processes: nothing that an agent leaves behind could be found. */
export function requireProcessTable(): void {
  let reason = "this process is not in the list";
  try {
    if (processTable().mark(process.pid)) return;
  } catch (error) {
    reason = (error as Error).message;
  }
  throw new SlipwayError("SANDBOX_UNAVAILABLE", `The processes of this machine cannot be listed: ${reason}.`, {
    hint: "`ps -A` should list them all for the worker's user; on Linux /proc must be mounted.",
  });
}

/** Seeds of processes that each lead a group of their own and are alive: a dead one's number may be another's by now. */
export function leaders(marks: readonly ProcessMark[]): FamilySeeds {
  const pids = marks.filter((mark) => processTable().isAlive(mark)).map(({ pid }) => pid);
  return { pids, groups: pids };
}
