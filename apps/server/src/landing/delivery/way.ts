import type { Forge } from "@slipway/forge/forge";
import { splitUrl } from "@slipway/git/credential";
import type { Remote } from "@slipway/git/push-branch";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ControlPlane } from "../../control-plane.ts";
import { findRepository } from "../../jobs/find-job.ts";
import type { RepositoryRow } from "../../store/store.ts";
import { upstreamAccess } from "../../upstream/access.ts";

/** How a repository's own address is reached. */
export interface Way {
  readonly remote: Remote;
  /** Undefined where no git host is configured for the address. */
  readonly forge: Forge | undefined;
  /** Path of the repository where its host has it now, if that is another one than its address says. */
  readonly renamedTo: string | null;
}

/**
 * The way to a repository's address, with the credential of its git host where there is one. A repository that its host has under another name by now is followed
 * there. CONFLICT where it has no address; FORGE_TOKEN_MISSING, and what the host itself may answer.
 */
export async function wayTo(plane: ControlPlane, repoId: string, mode: "pr" | "branch", signal: AbortSignal): Promise<Way> {
  const repository = await findRepository(plane.store, repoId);
  const { url, name } = repository;
  if (url === null) {
    throw new SlipwayError("PR_FAILED", `The repository ${name} has no address of its own: there is nowhere to push a branch to.`, {
      repository: name,
      hint: "Register it with its address, or submit the task again with `--landing train`.",
    });
  }
  const found = await openForge(plane, repository, url, mode);
  if (!found) {
    if (mode === "branch") return { remote: { url, access: await upstreamAccess(plane, repository) }, forge: undefined, renamedTo: null };
    throw new SlipwayError("PR_FAILED", `No git host is configured for the address of the repository ${name}.`, {
      url: splitUrl(url).url,
      hint: "Name the host in `server.forges` of slipway.yaml and restart `slipway up`; then `slipway retry`.",
    });
  }
  const credential = await found.forge.pushCredential();
  const { path } = await found.forge.repository(signal);
  if (path.toLowerCase() === found.address.path.toLowerCase())
    return { remote: { url: found.address.pushUrl, credential }, forge: found.forge, renamedTo: null };
  const moved = await plane.forges.open(url, path);
  if (!moved) throw new SlipwayError("REPOSITORY_MOVED", `The repository is at ${path} now.`, { path });
  return { remote: { url: moved.address.pushUrl, credential }, forge: moved.forge, renamedTo: path };
}

async function openForge(
  plane: ControlPlane,
  { upstream }: RepositoryRow,
  url: string,
  mode: "pr" | "branch",
): Promise<Awaited<ReturnType<ControlPlane["forges"]["open"]>>> {
  try {
    return await plane.forges.open(url);
  } catch (error) {
    // A branch can be pushed by what the repository names, or the address itself brings: a key of ssh, or a password in it.
    const bringsOwn = upstream.credential !== null || /^ssh:|^[^/]*@[^/]*:/.test(url) || splitUrl(url).authorization !== undefined;
    if (mode === "branch" && bringsOwn && error instanceof SlipwayError && error.code === "FORGE_TOKEN_MISSING") return undefined;
    throw error;
  }
}
