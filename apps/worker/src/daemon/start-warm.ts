import { newId } from "@slipway/protocol/scalars";
import type { SandboxProvider } from "../sandbox/sandbox.ts";
import type { WorkerFolders } from "./folders.ts";
import type { Leases } from "./leases.ts";
import { OwnedProvider } from "./owned-provider.ts";
import { makePlace } from "./places.ts";
import { removeOwned } from "./remove-owned.ts";
import type { WarmSandbox } from "./warm.ts";

/** Starts a sandbox for a job that is not known yet, in a place of its own; its lease file is kept as long as this worker lives. */
export async function startWarm(
  owner: { readonly folders: WorkerFolders; readonly provider: SandboxProvider; readonly leases: Leases },
  readOnly: readonly string[],
  onLost: () => void,
  signal: AbortSignal,
): Promise<WarmSandbox> {
  const place = await makePlace(owner.folders.sandboxes);
  const hold = owner.leases.holdOwn(onLost);
  const provider = new OwnedProvider(owner.provider, place.records, hold);
  const discard = async (): Promise<void> => {
    await provider.endAll();
    hold.release();
    await removeOwned(place.root, owner.folders.sandboxes);
  };
  try {
    const { workspace, home, spool, control } = place;
    const sandbox = await provider.start({ id: newId(), workspace, home, spool, control, readOnly: [...readOnly] }, signal);
    return { place, provider, sandbox, handedOver: () => hold.release(), discard };
  } catch (error) {
    await discard();
    throw error;
  }
}
