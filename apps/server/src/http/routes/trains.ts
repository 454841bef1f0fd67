import type { TrainView } from "@slipway/protocol/train";
import type { ControlPlane } from "../../control-plane.ts";
import { findRepository } from "../../jobs/find-job.ts";
import type { Handlers } from "../call.ts";

type Names = "showTrains" | "freezeTrain" | "resumeTrain";

/** What is on its way to the branches of a repository, and stopping it. */
export function trainHandlers(plane: ControlPlane): Pick<Handlers, Names> {
  return {
    showTrains: async ({ params, query }) => {
      const { id } = await findRepository(plane.store, params.repo);
      const trains = await trainsOf(plane, id);
      return { trains: query.target === undefined ? trains : trains.filter(({ target }) => target === query.target) };
    },
    freezeTrain: async ({ params, body, by }) => {
      const { id } = await findRepository(plane.store, params.repo);
      const frozen = await plane.store.freezeTarget(id, { ...body, code: "TRAIN_FROZEN" }, by);
      plane.notifier.poke();
      return frozen;
    },
    resumeTrain: async ({ params, body, by }) => {
      const { id } = await findRepository(plane.store, params.repo);
      const resumed = await plane.store.resumeTargets(id, body.target ?? null, by);
      plane.completionRoom.offerAny();
      return { resumed };
    },
  };
}

async function trainsOf({ store }: ControlPlane, repoId: string): Promise<TrainView[]> {
  const [cars, frozen] = await Promise.all([store.waitingCars(repoId), store.frozenTargets(repoId)]);
  const targets = [...new Set([...cars, ...frozen].map(({ target }) => target))].sort();
  return targets.map((target) => ({
    target,
    frozen: frozen.find((one) => one.target === target) ?? null,
    cars: cars.filter((car) => car.target === target).map(({ target: _, ...car }) => car),
  }));
}
