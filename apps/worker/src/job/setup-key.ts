import { createHash } from "node:crypto";
import { runGit } from "@slipway/git/exec";
import { treeOf } from "@slipway/git/hub";
import type { WorkerRepository } from "@slipway/git/repository";
import { SlipwayError } from "@slipway/protocol/errors";
import { REPOSITORY_CONFIG_FILE, type RepositoryConfig } from "@slipway/protocol/repository-config";
import type { AttemptContext } from "../attempt/context.ts";
import { environmentOf } from "../sandbox/environment.ts";
import { isLiteral, pathMatcher } from "./path-globs.ts";
import type { WorkspaceSource } from "./prepare.ts";

/** Counts up when a layer is made in another way. */
const FORM = 1;
/** A listing of a million files. */
const LISTING_LIMIT_BYTES = 256 * 1024 ** 2;

export type SetupConfig = Pick<RepositoryConfig, "setup" | "egress">;

/** What a setup layer is found by. */
export interface SetupKeys {
  /** Of all commits with the same inputs; undefined where the repository names none. */
  readonly shared: string | undefined;
  /** Of commits with the same files, all of them. */
  readonly tree: string;
}

/** All that the content of a setup layer depends on, twice: with the inputs that the repository declares, and with every file. INVALID_CONFIG. */
export async function setupKeys(context: AttemptContext, repository: WorkerRepository, source: WorkspaceSource, config: SetupConfig): Promise<SetupKeys> {
  const inputs = await inputsOf(repository, source, config.setup);
  return {
    shared: inputs === undefined ? undefined : keyOf(context, config, ["inputs", inputs]),
    tree: keyOf(context, config, ["tree", await treeOf(repository.dir, source.oid)]),
  };
}

/** The key that a commit has by its declared inputs; undefined where they are not all there. */
export async function sharedKeyAt(
  context: AttemptContext,
  repository: WorkerRepository,
  source: WorkspaceSource,
  config: SetupConfig,
): Promise<string | undefined> {
  try {
    const inputs = await inputsOf(repository, source, config.setup);
    return inputs === undefined ? undefined : keyOf(context, config, ["inputs", inputs]);
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "INVALID_CONFIG") return undefined;
    throw error;
  }
}

/** Listing of the declared inputs, as git tells them: mode, type, object and path of each. */
async function inputsOf(repository: WorkerRepository, { oid, from }: WorkspaceSource, { inputs }: SetupConfig["setup"]): Promise<string[] | undefined> {
  if (inputs === undefined) return undefined;
  // A folder has an object of its own, so what is named in full needs no look at all the rest.
  const how = inputs.every(isLiteral) ? ["ls-tree", "-z", "--full-tree", oid, "--", ...inputs] : ["ls-tree", "-r", "-z", "--full-tree", oid];
  const gitDir = from === "upstream" ? repository.upstreamGit : repository.jobsGit;
  const { stdout } = await runGit(how, { gitDir, failure: "WORKSPACE_FAILED", maxBuffer: LISTING_LIMIT_BYTES });
  const entries = stdout
    .toString("latin1")
    .split("\0")
    .filter((entry) => entry !== "");
  const matchers = inputs.map((glob) => ({ glob, matches: pathMatcher([glob]) }));
  const pathOf = (entry: string): string => Buffer.from(entry.slice(entry.indexOf("\t") + 1), "latin1").toString();
  const meant = entries.map((entry) => ({ entry, path: pathOf(entry) })).filter(({ path }) => matchers.some(({ matches }) => matches(path)));
  for (const { glob, matches } of matchers) {
    if (meant.some(({ path }) => matches(path))) continue;
    throw new SlipwayError(
      "INVALID_CONFIG",
      `setup.inputs of ${REPOSITORY_CONFIG_FILE}: there is no file ${JSON.stringify(glob)} in the commit ${oid.slice(0, 12)}.`,
      {
        path: "setup.inputs",
        value: glob,
        hint: "Expected files that are there: a change of what is misspelt would not be noticed. Mend the name, or take it out.",
      },
    );
  }
  return meant.map(({ entry }) => entry);
}

function keyOf(context: AttemptContext, { setup, egress }: SetupConfig, content: readonly unknown[]): string {
  const { claim, provider, toolchains } = context;
  const { digest } = environmentOf(provider, toolchains);
  const user = provider.owner ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const how = [setup.commands, setup.outputs.toSorted(), setup.network, egress.setup ?? null];
  const parts = [FORM, claim.job.repo.id, how, digest, process.platform, process.arch, user.uid, user.gid, content];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
