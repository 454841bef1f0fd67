import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { ignoreMissing, mirrorShallow } from "./bare-store.ts";
import { type GitOptions, gitText, runGit } from "./exec.ts";
import { withLock } from "./lock.ts";

/** A ref and the object that it named when it was listed. */
export interface StoredRef {
  readonly ref: string;
  readonly oid: string;
}

export interface Maintenance {
  /** Objects that nothing reaches are removed when they are older than this, in ms. Must be longer than anything that holds on to an object without a ref. */
  readonly pruneAfterMs: number;
  /** Ends it early; the stores are whole then, and the next time goes on. */
  readonly signal?: AbortSignal;
}

/** From so many single objects or packs on, a store is packed anew; git's own limits (gc.auto) are 6,700 and 50. */
const PACK_FROM_OBJECTS = 2_000;
const PACK_FROM_PACKS = 20;
/** Folders that a killed process of ours leaves in a store: where packs are checked (`takeCommit`) and handed over (`copyObjects`). */
const SCRATCH = /^(quarantine|incoming|maintain)-/;

/**
 * Deletes those of Slipway's own refs below `prefix` that `chooseGone` picks out of the list, all or none, each only where it still names what was
 * listed. `root` is a folder with `upstream.git` and `jobs.git`: the hub's, a worker's or the integrator's. Answers how many were deleted. Objects stay
 * until `maintain`. INVALID_REQUEST for a prefix outside of `refs/slipway/`; CONFLICT where a ref moved meanwhile, and then the next time will do.
 */
export async function pruneRefs(
  root: string,
  store: "upstream" | "jobs",
  prefix: string,
  chooseGone: (refs: readonly StoredRef[]) => readonly StoredRef[] | Promise<readonly StoredRef[]>,
): Promise<number> {
  if (!prefix.startsWith("refs/slipway/")) throw new SlipwayError("INVALID_REQUEST", "Only refs under refs/slipway/ are Slipway's to delete.", { prefix });
  const gitDir = join(root, `${store}.git`);
  // The newest first, as far as their commits tell.
  const refs = await listRefs(gitDir, ["--sort=-creatordate", prefix]);
  const gone = refs.length === 0 ? [] : await chooseGone(refs);
  if (gone.length === 0) return 0;
  const input = gone.map(({ ref, oid }) => `delete ${ref}\0${oid}\0`).join("");
  await runGit(["update-ref", "--stdin", "-z"], { gitDir, input, failure: "CONFLICT" });
  return gone.length;
}

/**
 * Packs both stores below `root` where they have many single objects or packs, and removes objects that no ref of either store has reached for
 * `pruneAfterMs`. What only another repository's refs reach is NOT seen: the caller sees to it that nothing borrows from these stores meanwhile but what
 * a ref here reaches (a worker: no live workspace; the hub: a ref for every base that a job may still need). Calls for one `root` run one after another.
 */
export async function maintain(root: string, options: Maintenance): Promise<void> {
  await withLock(`maintain ${root}`, async () => {
    await maintainJobs(root, options);
    await maintainUpstream(root, options);
    // Pruning takes what its refs do not need out of the boundary.
    await mirrorShallow(join(root, "upstream.git"), join(root, "jobs.git"));
  });
}

/** Removes the folders that a killed process left in both stores below `root`. Only where no other process works there, such as at the start. */
export async function removeLeftovers(root: string): Promise<void> {
  for (const gitDir of [join(root, "upstream.git"), join(root, "jobs.git")]) {
    for (const name of (await readdir(gitDir).catch(ignoreMissing)) ?? []) {
      if (SCRATCH.test(name)) await rm(join(gitDir, name), { recursive: true, force: true });
    }
  }
}

async function maintainJobs(root: string, options: Maintenance): Promise<void> {
  await packAndPrune(options, { gitDir: join(root, "jobs.git"), signal: options.signal });
}

/**
 * jobs.git borrows from upstream.git, so what its refs reach must stay there too. git looks at one repository's refs only: it is shown the objects of
 * upstream.git through a git directory that has the refs of both.
 */
async function maintainUpstream(root: string, options: Maintenance): Promise<void> {
  const upstreamGit = join(root, "upstream.git");
  const jobsGit = join(root, "jobs.git");
  const refs = [...(await listRefs(upstreamGit)), ...(await listRefs(jobsGit))];
  const view = await mkdtemp(join(upstreamGit, "maintain-"));
  try {
    await mkdir(join(view, "refs"));
    await writeFile(join(view, "packed-refs"), refs.map(({ oid }, index) => `${oid} refs/keep/${index}\n`).join(""));
    await mirrorShallow(upstreamGit, view);
    await writeFile(join(view, "HEAD"), "ref: refs/heads/main\n");
    const env = { GIT_OBJECT_DIRECTORY: join(upstreamGit, "objects"), GIT_ALTERNATE_OBJECT_DIRECTORIES: join(jobsGit, "objects") };
    await packAndPrune(options, { gitDir: view, env, signal: options.signal });
  } finally {
    await rm(view, { recursive: true, force: true });
  }
}

async function packAndPrune(options: Maintenance, store: GitOptions): Promise<void> {
  const expire = `${Math.ceil(options.pruneAfterMs / 1_000)}.seconds.ago`;
  const counts = await gitText(["count-objects", "-v"], store);
  const count = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(counts)?.[1] ?? 0);
  // What is borrowed is not copied; what nothing reaches becomes single objects with the age of their pack, which the pruning judges.
  const args = ["repack", "-A", "-d", "-l", "-q", `--unpack-unreachable=${expire}`];
  if (count("count") >= PACK_FROM_OBJECTS || count("packs") >= PACK_FROM_PACKS) await runGit(args, store);
  await runGit(["prune", `--expire=${expire}`], store);
}

async function listRefs(gitDir: string, args: readonly string[] = []): Promise<StoredRef[]> {
  const listing = await gitText(["for-each-ref", "--format=%(objectname) %(refname)", ...args], { gitDir });
  return listing
    .split("\n")
    .filter(Boolean)
    .map((line) => ({ oid: line.slice(0, line.indexOf(" ")), ref: line.slice(line.indexOf(" ") + 1) }));
}
