import type { Overview, WaitingGroup } from "@slipway/protocol/overview";
import type { ControlPlane } from "../../control-plane.ts";
import { explainJob } from "../../jobs/explain/explain.ts";
import { withPlaces } from "../../routing/places.ts";
import type { OverviewRows } from "../../store/store.ts";
import type { Handlers } from "../call.ts";

/** The whole installation in one answer. */
export function overviewHandlers(plane: ControlPlane): Pick<Handlers, "overview"> {
  return { overview: async () => await overview(plane) };
}

async function overview(plane: ControlPlane): Promise<Overview> {
  const { store, signals, dayBudget } = plane;
  const { blocked, workers, waiting, spending, circuits, ...rows } = await store.overview();
  const [explained, groups] = await Promise.all([
    Promise.all(
      blocked.map(async (job) => {
        const { reason, unblock, deadline } = await explainJob(plane, job);
        return {
          ...{ id: job.id, number: job.number, title: job.title, repo: job.repo },
          ...{ code: job.failure?.code ?? null, reason, unblock, since: job.updatedAt, deadline },
        };
      }),
    ),
    Promise.all(waiting.groups.map(async (group) => await explainGroup(plane, group))),
  ]);
  return {
    ...rows,
    blocked: explained,
    workers: workers.map(({ id, name, slots, verifySlots, draining, cordon, lastSeenAt }) => ({
      ...{ id, name, slots, verifySlots, draining, cordon, lastSeenAt },
      connected: signals.isConnected(id),
      held: signals.heldBy(id),
    })),
    waiting: { ...waiting, groups },
    spending: { ...spending, budget: dayBudget },
    circuits: withPlaces(circuits, workers, signals),
  };
}

/** The words of the one whose turn comes first; the others wait for the same, behind it. */
async function explainGroup(plane: ControlPlane, group: OverviewRows["waiting"]["groups"][number]): Promise<WaitingGroup> {
  const { cause, kind, jobs, backend, repoId, first } = group;
  const { owner, reason, unblock, deadline } = await explainJob(plane, first);
  return {
    ...{ cause, kind, jobs, backend, owner, reason, unblock, deadline },
    repo: repoId === null ? null : first.repo,
    first: { id: first.id, number: first.number, title: first.title },
    since: first.createdAt,
  };
}
