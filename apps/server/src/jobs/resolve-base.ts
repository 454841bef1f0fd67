import { fetchUpstream, resolveCommit } from "@slipway/git/hub";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import type { RepositoryRow } from "../store/store.ts";

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
  const oid = await resolveOrFetch(root, repository, base, signal);
  if (oid === base) {
    if (knownBases.size >= KNOWN_BASES_LIMIT) knownBases.clear();
    knownBases.add(`${root}:${base}`);
  }
  return oid;
}

async function resolveOrFetch(root: string, repository: RepositoryRow, base: string, signal: AbortSignal): Promise<string> {
  try {
    return await resolveCommit(root, base);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "BASE_NOT_FOUND" || repository.url === null) throw error;
    await fetchUpstream(root, repository.url, signal);
    return await resolveCommit(root, base);
  }
}
