import type { LeaseHold } from "../daemon/leases.ts";
import { OwnedProvider } from "../daemon/owned-provider.ts";
import { makePlace } from "../daemon/places.ts";
import type { SidePlace } from "./context.ts";
import type { AttemptServices } from "./services.ts";

/** Makes a place that no attempt's state names: a killed worker's next life removes it with whatever runs there. */
export async function openSidePlace({ folders, provider, workspaces }: AttemptServices, hold: LeaseHold): Promise<SidePlace> {
  const place = await makePlace(folders.sandboxes);
  const owned = new OwnedProvider(provider, place.records, hold);
  return {
    place,
    shared: workspaces.sharedBy(place),
    provider: owned,
    async [Symbol.asyncDispose]() {
      await owned.endAll();
      await workspaces.removePlace(place);
    },
  };
}
