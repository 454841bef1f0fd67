import { newId } from "@slipway/protocol/scalars";
import type { NamedImage, Sandbox, SandboxProvider, WarmUpFailure } from "../sandbox/sandbox.ts";
import type { WorkerFolders } from "./folders.ts";
import type { Leases } from "./leases.ts";
import { OwnedProvider } from "./owned-provider.ts";
import { makePlace } from "./places.ts";
import { removeOwned } from "./remove-owned.ts";
import type { WarmSandbox } from "./warm.ts";
import type { WarmShape } from "./warm-shape.ts";

/** Begins to start a sandbox for a job that is not known yet, in a place of its own; its lease file is kept as long as this worker lives. */
export async function startWarm(
  owner: {
    readonly folders: WorkerFolders;
    readonly provider: SandboxProvider;
    readonly leases: Leases;
    /** Called when the backends in one have been warmed up, with those that could not be. */
    readonly onWarmed: (image: NamedImage | undefined, failures: readonly WarmUpFailure[]) => void;
  },
  { image, readOnly, backend, ahead }: WarmShape,
  onLost: () => void,
  signal: AbortSignal,
): Promise<WarmSandbox> {
  const place = await makePlace(owner.folders.sandboxes);
  const hold = owner.leases.holdOwn(onLost);
  const provider = new OwnedProvider(owner.provider, place.records, hold);
  const { workspace, home, spool, control } = place;
  const spec = { id: newId(), workspace, home, spool, control, readOnly: [...readOnly], ...(image ? { image: image.imageId } : {}), warmFor: backend, ahead };
  let ready: Sandbox | undefined;
  const started = provider.start(spec, signal).then((sandbox) => {
    ready = sandbox;
    void sandbox.warmedUp?.then((failures) => owner.onWarmed(image, failures));
    return sandbox;
  });
  // Whoever waits for it hears of it.
  started.catch(() => {});
  return {
    place,
    provider,
    started,
    get ready() {
      return ready;
    },
    handedOver: () => hold.release(),
    async discard() {
      await provider.endAll();
      hold.release();
      await removeOwned(place.root, owner.folders.sandboxes);
    },
  };
}
