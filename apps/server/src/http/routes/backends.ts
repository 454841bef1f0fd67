import type { ControlPlane } from "../../control-plane.ts";
import { withPlaces } from "../../routing/places.ts";
import type { Handlers } from "../call.ts";

/** Backends as the whole installation sees them: their circuits. */
export function backendHandlers(plane: ControlPlane): Pick<Handlers, "listCircuits" | "resetBackend"> {
  return {
    listCircuits: async () => {
      const [circuits, workers] = await Promise.all([plane.store.listCircuits(), plane.store.listWorkers()]);
      return { circuits: withPlaces(circuits, workers, plane.signals) };
    },
    resetBackend: async ({ params, by }) => {
      const closed = await plane.store.resetCircuits(String(params.backend), by);
      await plane.circuits.look();
      plane.jobRoom.offerAny();
      return { closed };
    },
  };
}
