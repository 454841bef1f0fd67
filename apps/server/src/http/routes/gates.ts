import type { ControlPlane } from "../../control-plane.ts";
import { findJob, findRepository } from "../../jobs/find-job.ts";
import type { Handlers } from "../call.ts";

type Names = "baselines" | "recordBaselines" | "recordFlake" | "listFlakes" | "clearFlakes";

/** What is known of gates beyond one run of them. */
export function gateHandlers(plane: ControlPlane): Pick<Handlers, Names> {
  return {
    baselines: async ({ params, query }) => {
      const { repo } = await findJob(plane.store, params.job);
      return await plane.store.baselines(repo.id, query.tree);
    },
    recordBaselines: async ({ params, body }) => {
      await plane.leaseClock.check();
      await plane.store.recordBaselines(params.job, params.fence, body.baselines);
      return {};
    },
    recordFlake: async ({ params, body }) => {
      await plane.leaseClock.check();
      await plane.store.recordFlake(params.job, params.fence, body);
      return {};
    },
    listFlakes: async ({ params }) => {
      const { id } = await findRepository(plane.store, params.repo);
      return { flakes: await plane.store.listFlakes(id) };
    },
    clearFlakes: async ({ params, body, by }) => {
      const { id } = await findRepository(plane.store, params.repo);
      return { cleared: await plane.store.clearFlakes(id, body, by) };
    },
  };
}
