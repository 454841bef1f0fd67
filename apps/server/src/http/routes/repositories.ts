import { carriesCredential } from "@slipway/git/credential";
import { fastForwardBranch, readBranch } from "@slipway/git/hub";
import { SlipwayError } from "@slipway/protocol/errors";
import type { RepositoryView } from "@slipway/protocol/repository";
import { newId } from "@slipway/protocol/scalars";
import type { UpstreamChanges } from "@slipway/protocol/upstream";
import type { ControlPlane } from "../../control-plane.ts";
import { jobsUrl, upstreamUrl } from "../../hub/hub-access.ts";
import { completeHub, hubRoot, makeHub } from "../../hub/hub-folder.ts";
import { findRepository } from "../../jobs/find-job.ts";
import type { RepositoryChanges, RepositoryRow } from "../../store/store.ts";
import { describeBranch, pairs } from "../../upstream/branches.ts";
import { resolveUpstream } from "../../upstream/resolve.ts";
import { syncUpstream } from "../../upstream/sync.ts";
import type { Handlers } from "../call.ts";

type Names =
  | "createRepository"
  | "updateRepository"
  | "listRepositories"
  | "getBranch"
  | "syncBranch"
  | "syncRepository"
  | "upstreamBranches"
  | "resolveUpstream";

/** Branches of the hub that are compared with those of the address for people. */
const BRANCHES_SHOWN = 100;

/** Repositories and their branches in the hub. */
export function repositoryHandlers(plane: ControlPlane): Pick<Handlers, Names> {
  const find = async (idOrName: string): Promise<{ repository: RepositoryRow; root: string }> => {
    const repository = await findRepository(plane.store, idOrName);
    await completeHub(plane, repository.id);
    return { repository, root: hubRoot(plane.folder, repository.id) };
  };
  return {
    createRepository: async ({ body, by, baseUrl }) => {
      refuseCredential(body.url);
      const { repository } = await plane.store.createRepository({ id: newId(), ...body }, by);
      // Also where it was there before: a crash may have come between the row and the stores.
      await makeHub(plane.folder, repository.id, plane.store.installationId);
      return viewOf(repository, baseUrl);
    },
    updateRepository: async ({ params, body, by, baseUrl }) => {
      const { id } = await findRepository(plane.store, params.repo);
      const { defaultBranch, maxRunning, dayBudget, upstream } = body;
      const changes: RepositoryChanges = {
        ...(defaultBranch === undefined ? {} : { defaultBranch }),
        ...(maxRunning === undefined ? {} : { maxRunning }),
        ...(dayBudget === undefined ? {} : { dayBudget }),
        ...(upstream === undefined ? {} : { upstream: given(upstream) }),
      };
      const repository = await plane.store.updateRepository(id, changes, by);
      if (!repository) throw new SlipwayError("NOT_FOUND", `There is no repository ${params.repo}.`, { repo: params.repo });
      // A higher limit lets waiting jobs go.
      plane.jobRoom.offerAny();
      plane.upstreamChanged();
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
      const { repository } = await find(params.repo);
      const { branches, moves, rewritten, waiting } = await syncUpstream(plane, repository, signal);
      await plane.store.recordAudit({ action: "syncRepository", by, object: { kind: "repository", key: repository.id }, outcome: "ok" });
      return { branches: [...branches], moves: [...moves], rewritten: [...rewritten], waiting: [...waiting] };
    },
    upstreamBranches: async ({ params }) => {
      const { repository, root } = await find(params.repo);
      if (repository.url === null) return { branches: [] };
      const branches = [];
      for (const pair of (await pairs(root)).slice(0, BRANCHES_SHOWN)) {
        const branch = await describeBranch(root, pair);
        const job =
          branch.state === "diverged" && pair.upstreamOid !== null ? await plane.store.findForeign(repository.id, pair.branch, pair.upstreamOid) : undefined;
        branches.push({ ...branch, mergeJob: job?.number ?? null });
      }
      return { branches };
    },
    resolveUpstream: async ({ params, body, by, signal }) => {
      const { repository } = await find(params.repo);
      const branch = await resolveUpstream(plane, repository, body, signal);
      await plane.store.recordAudit({ action: "resolveUpstream", by, object: { kind: "repository", key: repository.id }, outcome: "ok" });
      // What kept the others from being pushed may be gone.
      plane.upstreamChanged();
      return branch;
    },
  };
}

/** A password in an address would be in listings, and in what people copy from them. */
function refuseCredential(url: string | null): void {
  if (url === null || (!carriesCredential(url) && !/^ssh:\/\/[^/@\s]*:[^/@\s]*@/i.test(url))) return;
  throw new SlipwayError("INVALID_REQUEST", "url: there is a name or a password in the address.", {
    field: "url",
    expected: "an address without them, such as https://git.example.org/ship.git",
    hint: "Put the token into a secret of the server and name it: `slipway repos set NAME --credential SECRET`.",
  });
}

/** Without the keys that are not there. */
function given(changes: { readonly [Key in keyof UpstreamChanges]: UpstreamChanges[Key] }): UpstreamChanges {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

function viewOf(repository: RepositoryRow, baseUrl: string): RepositoryView {
  return { ...repository, upstreamUrl: upstreamUrl(baseUrl, repository.id), jobsUrl: jobsUrl(baseUrl, repository.id) };
}
