import { collectOutputs } from "@slipway/git/bases/collect-outputs";
import { unmountBelow } from "@slipway/git/bases/mounts";
import type { UsedSetupLayer } from "@slipway/git/bases/setup-layers";
import { upperOf } from "@slipway/git/bases/workspace-layer";
import { fetchCommit, type WorkerRepository } from "@slipway/git/repository";
import { addWorkspace, removeWorkspace } from "@slipway/git/workspace";
import { SlipwayError } from "@slipway/protocol/errors";
import { newId } from "@slipway/protocol/scalars";
import type { ProtectedCommits } from "@slipway/protocol/worker-api";
import type { AttemptContext, SidePlace } from "../attempt/context.ts";
import type { Deadline } from "./deadline.ts";
import { isLiteral, pathMatcher } from "./path-globs.ts";
import { hasWorkspace, WORK_BRANCH, type WorkspaceSource } from "./prepare.ts";
import { whileUnreachable, withHub } from "./retry.ts";
import { runSetupCommands } from "./setup-commands.ts";
import { type SetupConfig, type SetupKeys, setupKeys, sharedKeyAt } from "./setup-key.ts";
import { type Leftovers, lookAtLeftovers, namePaths, warnOf } from "./setup-leftovers.ts";
import { orWorkspaceFull } from "./workspace-full.ts";

/** How the setup's work comes into a workspace: it runs there, was kept, or is to be made and kept. */
export type SetupPlan =
  | { readonly kind: "here" }
  | { readonly kind: "kept"; readonly layer: UsedSetupLayer; readonly keys: SetupKeys }
  | { readonly kind: "make"; readonly keys: SetupKeys };

interface LayerRequest {
  readonly repository: WorkerRepository;
  readonly source: WorkspaceSource;
  readonly config: SetupConfig;
}

/**
 * Looks for what an earlier setup made of such a commit. Without a sandbox nothing is shared: there every workspace has another path, and what a setup makes
 * often names it. INVALID_CONFIG where an input that the repository names is not there.
 */
export async function findSetupLayer(context: AttemptContext, repository: WorkerRepository, source: WorkspaceSource, config: SetupConfig): Promise<SetupPlan> {
  if (!isKept(context, config)) return { kind: "here" };
  const keys = await setupKeys(context, repository, source, config);
  // A restarted worker finds its workspace as it was.
  if (hasWorkspace(context)) return { kind: "make", keys };
  const layer = context.setupLayers.find([...(keys.shared === undefined ? [] : [keys.shared]), keys.tree]);
  return layer ? { kind: "kept", layer, keys } : { kind: "make", keys };
}

/**
 * Has the setup layer of a commit made, in a clean checkout, a home and a sandbox of its own, and kept. Others share it by the declared inputs alone where it
 * is made from a commit that no agent alone has made: else an agent's install script would be everyone's. SETUP_FAILED, OUT_OF_MEMORY.
 */
export async function makeSetupLayer(
  context: AttemptContext,
  request: LayerRequest & { readonly keys: SetupKeys },
  deadline: Deadline,
): Promise<UsedSetupLayer> {
  const { source, key } = await trustedSource(context, request, deadline);
  const onWait = async (job: number): Promise<void> => {
    const text = `Job ${job} is running the same setup; this job waits for what it makes.`;
    await context.events.emitOnce("setup:waits", { kind: "notice", data: { level: "info", text } });
  };
  const make = (tree: string): Promise<void> => makeIn(context, { ...request, source }, deadline, tree);
  const limit = AbortSignal.timeout(deadline.setupMs(request.config.setup.timeoutSeconds * 1_000));
  try {
    const wanted = { key, commit: source.oid, job: context.claim.job.number, make, onWait };
    return await context.setupLayers.use(wanted, AbortSignal.any([context.signal, limit]));
  } catch (error) {
    context.signal.throwIfAborted();
    if (limit.aborted && error === limit.reason) throw new SlipwayError("SETUP_FAILED", "The setup of another job was waited for, and did not end in time.");
    throw error;
  }
}

/** Has later jobs find a layer by the declared inputs too, where it was made of the very files of a commit that no agent alone has made. */
export async function shareSetupLayer(context: AttemptContext, layer: UsedSetupLayer, keys: SetupKeys, source: WorkspaceSource): Promise<void> {
  if (keys.shared === undefined || layer.keys.includes(keys.shared)) return;
  if ((await protectedCommits(context)).base && isBase(context, source)) await context.setupLayers.addKey(layer.id, keys.shared);
}

/** What an earlier setup made of such a commit; undefined where nothing is kept of it, or this is no repository and sandbox for that. */
export async function keptSetup(
  context: AttemptContext,
  repository: WorkerRepository,
  source: WorkspaceSource,
  config: SetupConfig,
): Promise<UsedSetupLayer | undefined> {
  if (!isKept(context, config)) return undefined;
  const keys = await setupKeys(context, repository, source, config);
  return context.setupLayers.find([...(keys.shared === undefined ? [] : [keys.shared]), keys.tree]);
}

function isKept({ provider }: AttemptContext, { setup }: SetupConfig): boolean {
  return setup.commands.length > 0 && setup.outputs.length > 0 && provider.kind !== "none";
}

function isBase({ claim }: AttemptContext, { oid, from }: WorkspaceSource): boolean {
  return from === "upstream" && oid === claim.job.baseOid;
}

async function protectedCommits({ claim, client, signal }: AttemptContext): Promise<ProtectedCommits> {
  const params = { job: claim.job.id, fence: claim.fence };
  return await whileUnreachable(signal, () => client.call("protectedCommits", { params, signal }));
}

/** The commit to make it from, and the key that says for whom. */
async function trustedSource(
  context: AttemptContext,
  { repository, source, config, keys }: LayerRequest & { readonly keys: SetupKeys },
  deadline: Deadline,
): Promise<{ source: WorkspaceSource; key: string }> {
  const own = { source, key: keys.tree };
  if (keys.shared === undefined) return own;
  const { base, tips } = await protectedCommits(context);
  if (base && isBase(context, source)) return { source, key: keys.shared };
  for (const oid of tips) {
    await withHub(context.signal, deadline.prepareMs(), (signal) => fetchCommit(repository, context.claim.hub, oid, "upstream", signal));
    const tip = { oid, from: "upstream" } as const;
    if ((await sharedKeyAt(context, repository, tip, config)) === keys.shared) return { source: tip, key: keys.shared };
  }
  return own;
}

async function makeIn(context: AttemptContext, { repository, source, config }: LayerRequest, deadline: Deadline, tree: string): Promise<void> {
  const { signal } = context;
  await using side = await context.sidePlace();
  const { workspace } = side.place;
  try {
    await checkOut(repository, source, side, signal);
    await runClean(context, repository, side, config, deadline);
    await unmountBelow(workspace);
    const from = side.shared?.kind === "overlay" ? upperOf(side.shared.layer, side.shared.disk !== undefined) : workspace;
    await keepOutputs(context, config, from, tree);
  } catch (error) {
    signal.throwIfAborted();
    throw await orWorkspaceFull(side, error);
  } finally {
    await removeWorkspace(repository, workspace);
  }
}

/** A workspace of a commit in a place of its own; to be removed with `removeWorkspace`. */
export async function checkOut(
  repository: WorkerRepository,
  { oid, from }: WorkspaceSource,
  { place, shared, provider }: SidePlace,
  signal: AbortSignal,
): Promise<void> {
  const { workspace } = place;
  await addWorkspace(repository, { workspace, baseOid: oid, withJobObjects: from === "jobs", branchName: WORK_BRANCH, shared, signal });
  if (shared?.kind !== "overlay") await provider.giveTo?.(workspace);
}

async function runClean(context: AttemptContext, repository: WorkerRepository, side: SidePlace, config: SetupConfig, deadline: Deadline): Promise<void> {
  const { workspace, home, spool, control } = side.place;
  const readOnly = [...context.toolchains, ...repository.upstreamObjects];
  await using sandbox = await side.provider.start({ id: newId(), workspace, home, spool, control, readOnly, runner: false }, context.signal);
  await runSetupCommands(context, sandbox, config, deadline);
  await judgeLeftovers(context, config, await lookAtLeftovers(context, sandbox, deadline));
}

/** What is kept is shown above other commits: it may hide none of their files, and must not become a part of a job's change. */
async function judgeLeftovers(context: AttemptContext, { setup }: SetupConfig, leftovers: Leftovers | undefined): Promise<void> {
  if (!leftovers) throw failed("git could not say what the setup changed.", "Has the setup removed or changed `.git`, or the image no git?");
  const { changed, untracked, ignored } = leftovers;
  const why = "What a setup with `setup.outputs` makes is kept for other jobs, so it may make nothing but files that git ignores.";
  if (changed.length > 0) throw failed(`The setup changed files that are tracked: ${namePaths(changed)}.`, why);
  const isKept = pathMatcher(setup.outputs);
  const hasKept = (path: string): boolean => isKept(path) || setup.outputs.some((glob) => glob.startsWith(`${path}/`));
  const shown = untracked.filter(hasKept);
  if (shown.length > 0) throw failed(`git does not ignore ${namePaths(shown)}, which \`setup.outputs\` names.`, `Add it to .gitignore. ${why}`);
  const lost = [...untracked, ...ignored].filter((path) => !hasKept(path));
  await warnOf(context, "setup:lost", "The setup made files that `setup.outputs` does not name", lost, "They are not kept: no job will find them.");
}

async function keepOutputs(context: AttemptContext, { setup }: SetupConfig, from: string, to: string): Promise<void> {
  const outputs = { matches: pathMatcher(setup.outputs), literal: setup.outputs.every(isLiteral) ? setup.outputs : undefined };
  const found = await collectOutputs(from, to, outputs, context.signal);
  const names = setup.outputs.join(", ");
  if (found.length === 0) throw failed(`The setup made nothing of what \`setup.outputs\` names: ${names}.`, "Mend the names, or leave them out.");
  const missing = setup.outputs.filter((glob) => isLiteral(glob) && !found.some((path) => path === glob || glob.startsWith(`${path}/`)));
  await warnOf(context, "setup:missing", "The setup did not make all that `setup.outputs` names", missing, "Later jobs will not find it either.");
}

function failed(message: string, hint: string): SlipwayError {
  return new SlipwayError("SETUP_FAILED", message, { hint });
}
