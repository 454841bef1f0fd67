import type { JobKind } from "@slipway/protocol/job";
import { runOne, type Start } from "../attempt/run-one.ts";
import type { AttemptServices } from "../attempt/services.ts";
import { claimLoop } from "./claim-loop.ts";
import { noRoom } from "./free-space.ts";
import { Hold } from "./hold.ts";
import type { DaemonOptions } from "./options.ts";
import { PendingClaims } from "./pending-claims.ts";

/** All slots at once. Each takes up a resumed attempt of its kind first; where there are more of these than slots, they run beside. */
export async function runSlots(
  options: DaemonOptions,
  services: AttemptServices,
  workerId: string,
  signal: AbortSignal,
  registerAgain: () => Promise<unknown>,
  resumed: Array<Extract<Start, { kind: "resumed" }>>,
): Promise<void> {
  const pending = await PendingClaims.open(services.folders.claims);
  const hold = new Hold(services.client, workerId, options.log);
  const slot = async (kind: JobKind, first: Start | undefined): Promise<void> => {
    if (first) await runOne(services, first);
    const run = (claim: Extract<Start, { kind: "claimed" }>["claim"], settled: () => Promise<void>): Promise<void> =>
      runOne(services, { kind: "claimed", claim, settled });
    const room = async (): Promise<string | undefined> => {
      const reason = await noRoom(services.folders.root, options);
      if (reason === undefined) return undefined;
      // Bases that nobody uses may be what fills the disk.
      await services.workspaces.makeRoom();
      return await noRoom(services.folders.root, options);
    };
    await claimLoop({ client: services.client, workerId, kind, pending, noRoom: room, hold, run, register: registerAgain, log: options.log }, signal);
  };
  const takeResumed = (kind: JobKind): Start | undefined => {
    const index = resumed.findIndex(({ state }) => state.claim.job.kind === kind);
    return index < 0 ? undefined : resumed.splice(index, 1)[0];
  };
  const loops = [
    ...Array.from({ length: options.slots }, () => slot("task", takeResumed("task"))),
    ...Array.from({ length: options.verifySlots }, () => slot("verify", takeResumed("verify"))),
  ];
  await Promise.all([...loops, ...resumed.map((start) => runOne(services, start))]);
  // A drain needs no sandboxes ahead; a stop has closed the pool already.
  await services.warm.close();
}
