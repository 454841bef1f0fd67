import { fastForwardBranch, fetchUpstream, readBranch } from "@slipway/git/hub";
import { SlipwayError } from "@slipway/protocol/errors";
import type { RepositoryView } from "@slipway/protocol/repository";
import { newId } from "@slipway/protocol/scalars";
import type { ControlPlane } from "../../control-plane.ts";
import { jobsUrl, upstreamUrl } from "../../hub/hub-access.ts";
import { completeHub, hubRoot, makeHub } from "../../hub/hub-folder.ts";
import { findRepository } from "../../jobs/find-job.ts";
import type { RepositoryChanges, RepositoryRow } from "../../store/store.ts";
import type { Handlers } from "../call.ts";

type Names = "createRepository" | "updateRepository" | "listRepositories" | "getBranch" | "syncBranch" | "syncRepository";

/** Repositories and their branches in the hub. */
export function repositoryHandlers(plane: ControlPlane): Pick<Handlers, Names> {
  const find = async (idOrName: string): Promise<{ repository: RepositoryRow; root: string }> => {
    const repository = await findRepository(plane.store, idOrName);
    await completeHub(plane, repository.id);
    return { repository, root: hubRoot(plane.folder, repository.id) };
  };
  return {
    createRepository: async ({ body, by, baseUrl }) => {
      const { repository } = await plane.store.createRepository({ id: newId(), ...body }, by);
      // Also where it was there before: a crash may have come between the row and the stores.
      await makeHub(plane.folder, repository.id, plane.store.installationId);
      return viewOf(repository, baseUrl);
    },
    updateRepository: async ({ params, body, by, baseUrl }) => {
      const { id } = await findRepository(plane.store, params.repo);
      const { defaultBranch, maxRunning, dayBudget } = body;
      const changes: RepositoryChanges = {
        ...(defaultBranch === undefined ? {} : { defaultBranch }),
        ...(maxRunning === undefined ? {} : { maxRunning }),
        ...(dayBudget === undefined ? {} : { dayBudget }),
      };
      const repository = await plane.store.updateRepository(id, changes, by);
      if (!repository) throw new SlipwayError("NOT_FOUND", `There is no repository ${params.repo}.`, { repo: params.repo });
      // A higher limit lets waiting jobs go.
      plane.jobRoom.offerAny();
      return viewOf(repository, baseUrl);
    },
    listRepositories: async ({ baseUrl }) => ({ repositories: (await plane.store.listRepositories()).map((repository) => viewOf(repository, baseUrl)) }),
    getBranch: async ({ params, query }) => {
      const { root } = await find(params.repo);
      return { branch: query.branch, oid: await readBranch(root, query.branch) };
    },
    syncBranch: async ({ params, body, by }) => {
      const { repository, root } = await find(params.repo);
      await fastForwardBranch(root, body.branch, body.oid);
      plane.targetChanged(repository.id, body.branch);
      await plane.store.recordAudit({ action: "syncBranch", by, object: { kind: "repository", key: repository.id }, outcome: "ok" });
      return { branch: body.branch, oid: await readBranch(root, body.branch) };
    },
    syncRepository: async ({ params, by, signal }) => {
      const { repository, root } = await find(params.repo);
      if (repository.url === null) {
        throw new SlipwayError("CONFLICT", `The repository ${repository.name} has no address to fetch from.`, {
          hint: "Push to its hub instead; `slipway run` in a checkout does it by itself.",
        });
      }
      const branches = await fetchUpstream(root, repository.url, signal);
      await plane.store.recordAudit({ action: "syncRepository", by, object: { kind: "repository", key: repository.id }, outcome: "ok" });
      return { branches };
    },
  };
}

function viewOf(repository: RepositoryRow, baseUrl: string): RepositoryView {
  return { ...repository, upstreamUrl: upstreamUrl(baseUrl, repository.id), jobsUrl: jobsUrl(baseUrl, repository.id) };
}
