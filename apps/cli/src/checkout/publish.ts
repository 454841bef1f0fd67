import { commitDirty, type describeCheckout, fetchResult, pushBase } from "@slipway/git/checkout";
import { splitUrl } from "@slipway/git/credential";
import { SlipwayError } from "@slipway/protocol/errors";
import type { RepositoryView } from "@slipway/protocol/repository";
import type { Connection } from "../connection.ts";
import type { Screen } from "../terminal/screen.ts";
import { plural, printable } from "../terminal/text.ts";
import { branchOid, commitOf, readGit } from "./read-git.ts";
import { deliveringName, repositoryName } from "./repository-name.ts";

export type Checkout = Awaited<ReturnType<typeof describeCheckout>>;

export interface PublishOptions {
  /** Branch or commit of the checkout to start from; HEAD, or the branch of `into`, where it is missing. */
  readonly base?: string | undefined;
  /** A further commit that the job names. */
  readonly also?: string | undefined;
  /** Branch to land on. */
  readonly into?: string | undefined;
  readonly includeDirty: boolean;
  /** Whether the job's branch goes to the address of the checkout's `origin`; then the repository is one with that address. */
  readonly delivers?: boolean;
}

export interface Published {
  readonly repository: RepositoryView;
  readonly baseOid: string;
}

const SHOWN_PATHS = 5;

/** Names the uncommitted changes that a job will not see. */
export function warnOfDirty(screen: Screen, checkout: Checkout, includeDirty: boolean): void {
  const { dirty } = checkout;
  if (dirty.length === 0 || includeDirty) return;
  const more = dirty.length - SHOWN_PATHS;
  const names = printable(`${dirty.slice(0, SHOWN_PATHS).join(", ")}${more > 0 ? ` and ${more} more` : ""}`);
  screen.warn(
    `${plural(dirty.length, "uncommitted change")} will not be part of the job: ${names}. Pass --include-dirty to take ${dirty.length === 1 ? "it" : "them"} along.`,
  );
}

/** Says what a job will not see of a repository with submodules. */
export function warnOfSubmodules(screen: Screen, checkout: Checkout): void {
  if (checkout.hasSubmodules) screen.warn("This repository has submodules: in a job's workspace their folders are empty.");
}

/** Registers the checkout's repository and brings the job's base, and the branch to land on, to the hub. */
export async function publish(connection: Connection, checkout: Checkout, options: PublishOptions): Promise<Published> {
  const repository = await register(connection, checkout, options.delivers ? await originOf(checkout.root) : undefined);
  if (options.into) await publishTarget(connection, repository, checkout, options.into);
  const baseOid = await baseOf(checkout, options);
  await push(connection, repository, checkout.root, baseOid);
  if (options.also !== undefined) await push(connection, repository, checkout.root, options.also);
  return { repository, baseOid };
}

/** Where `origin` is, with no name or password in it; undefined where the checkout has none that a server could reach. */
async function originOf(root: string): Promise<string | undefined> {
  const origin = await readGit(["config", "--get", "remote.origin.url"], root).catch(() => undefined);
  if (origin === undefined) return undefined;
  const { url } = splitUrl(origin);
  return url.startsWith("/") || /^(https?|ssh|file):\/\/|^[\w.-]+@[\w.-]+:/.test(url) ? url : undefined;
}

async function register({ client }: Connection, checkout: Checkout, url: string | undefined): Promise<RepositoryView> {
  const name = url === undefined ? repositoryName(checkout.root) : deliveringName(checkout.root, url);
  const { repositories } = await client.call("listRepositories", {});
  return (
    repositories.find((known) => known.name === name) ??
    (await client.call("createRepository", { body: { name, url: url ?? null, defaultBranch: checkout.head.branch ?? "main" } }))
  );
}

/** Tells the hub where the user's branch stands; takes earlier landings into it first, where that is a fast-forward. */
async function publishTarget(connection: Connection, repository: RepositoryView, checkout: Checkout, branch: string): Promise<void> {
  const params = { repo: repository.id };
  const [local, { oid: hub }] = await Promise.all([branchOid(checkout.root, branch), connection.client.call("getBranch", { params, query: { branch } })]);
  if (local === undefined || local === hub) return;
  await push(connection, repository, checkout.root, local);
  try {
    await connection.client.call("syncBranch", { params, body: { branch, oid: local } });
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "CONFLICT" || hub === null) throw error;
    await takeEarlierLandings(connection, repository, checkout.root, branch, hub);
  }
}

/** The hub's branch has commits that the user's lacks: jobs that landed while nobody fetched. */
async function takeEarlierLandings(connection: Connection, repository: RepositoryView, root: string, branch: string, hubOid: string): Promise<void> {
  const taken = await fetchResult(root, { url: repository.upstreamUrl, credential: connection.token, branch, intoBranch: branch, expectedOid: hubOid });
  if (taken.updated !== "left") return;
  throw new SlipwayError(
    "CONFLICT",
    `Earlier jobs landed on ${branch}, and your ${branch} cannot be fast-forwarded to them${taken.reason ? `: ${taken.reason}` : ""}.`,
    {
      hint: `Take them with \`git pull --no-rebase ${repository.upstreamUrl} ${branch}\` (password: the token), or land on another branch with --into.`,
      branch,
      hubOid,
    },
  );
}

async function baseOf(checkout: Checkout, options: PublishOptions): Promise<string> {
  if (options.base !== undefined) return await baseNamed(checkout, options.base);
  if (options.includeDirty && checkout.dirty.length > 0) return await commitDirty(checkout.root);
  const ofTarget = options.into ? await branchOid(checkout.root, options.into) : undefined;
  return ofTarget ?? checkout.head.oid;
}

/** The commit that a user named as the base. BASE_NOT_FOUND. */
export async function baseNamed(checkout: Checkout, name: string): Promise<string> {
  const oid = await commitOf(checkout.root, name);
  if (oid === undefined) throw new SlipwayError("BASE_NOT_FOUND", `This repository has no branch or commit "${name}".`);
  return oid;
}

async function push(connection: Connection, repository: RepositoryView, root: string, oid: string): Promise<void> {
  await pushBase(root, { url: repository.upstreamUrl, credential: connection.token, oid, ref: `refs/slipway/bases/${oid}` });
}
