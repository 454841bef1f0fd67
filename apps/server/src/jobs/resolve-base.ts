import { resolveCommit } from "@slipway/git/hub";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import type { RepositoryRow } from "../store/store.ts";
import { syncUpstream } from "../upstream/sync.ts";

/** Bases remembered by their full id: a git process costs more than all the rest of a submission. */
const KNOWN_BASES_LIMIT = 1_000;
const knownBases = new Set<string>();

/** Told when bases of a hub repository were deleted: what is remembered of it is looked up anew. */
export function forgetBases(root: string): void {
  for (const known of knownBases) if (known.startsWith(`${root}:`)) knownBases.delete(known);
}

/** The commit that a branch or a commit's name means in the hub. Where the hub does not know it, the repository's own address is asked first. */
export async function resolveBase(plane: ControlPlane, repository: RepositoryRow, base: string, signal: AbortSignal): Promise<string> {
  const root = hubRoot(plane.folder, repository.id);
  if (knownBases.has(`${root}:${base}`)) return base;
  if (isStale(repository) && !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(base)) await refresh(plane, repository, signal);
  const oid = await resolveOrFetch(plane, root, repository, base, signal);
  if (oid === base) {
    if (knownBases.size >= KNOWN_BASES_LIMIT) knownBases.clear();
    knownBases.add(`${root}:${base}`);
  }
  return oid;
}

/** The same by what the hub has now, for a look ahead that fetches nothing. BASE_NOT_FOUND. */
export async function resolveKnownBase(plane: ControlPlane, { id, url, name }: RepositoryRow, base: string): Promise<string> {
  try {
    return await resolveCommit(hubRoot(plane.folder, id), base);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "BASE_NOT_FOUND" || url === null) throw error;
    const hint = `A submission asks the repository's own address too; \`slipway repos sync ${name}\` does it now.`;
    throw new SlipwayError("BASE_NOT_FOUND", error.message, { ...error.details, hint }, { cause: error });
  }
}

/** Whether the repository is to be fetched by the clock, and that is longer ago than it should be. */
function isStale({ url, upstream, upstreamSync }: RepositoryRow): boolean {
  if (url === null || upstream.syncEveryMs === null) return false;
  // A host that is away is asked again when its time has come, and holds no submission up meanwhile.
  if (upstreamSync.error !== null && (upstreamSync.nextAt ?? 0) > Date.now()) return false;
  return Date.now() - (upstreamSync.okAt ?? 0) > upstream.syncEveryMs;
}

/** Where the address cannot be asked, the job starts from what is known, as it would have a minute before. */
async function refresh(plane: ControlPlane, repository: RepositoryRow, signal: AbortSignal): Promise<void> {
  try {
    await syncUpstream(plane, repository, signal);
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = toSlipwayError(error);
    plane.log.warn({ repository: repository.name, code, reason: message }, "a job starts from what is known of its repository's address");
  }
}

async function resolveOrFetch(plane: ControlPlane, root: string, repository: RepositoryRow, base: string, signal: AbortSignal): Promise<string> {
  try {
    return await resolveCommit(root, base);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "BASE_NOT_FOUND" || repository.url === null) throw error;
    await syncUpstream(plane, repository, signal).catch(unlessDiverged);
    return await resolveCommit(root, base);
  }
}

/** The fetch went well; that a branch waits for a person is no matter of this job. */
function unlessDiverged(error: unknown): void {
  if (!(error instanceof SlipwayError) || error.code !== "UPSTREAM_DIVERGED") throw error;
}
