import type { ForgeKind } from "@slipway/protocol/forge-settings";

/**
 * A git host as far as the server needs it: one interface over GitHub and GitLab, whose merge requests are called pull requests here too. Every call is
 * one repository's. Calls read or set what they are told to and may be made again after a lost answer; `open` alone makes something new, so that `find`
 * comes before it. Errors are of the table: FORGE_AUTH (the credential is refused, or has too few rights), REPOSITORY_MOVED (there is no such repository,
 * or it may not be seen), FORGE_UNAVAILABLE (out of reach, or asks to slow down, after tries of its own; `details.retryAfterMs` where it says how long),
 * PR_FAILED (it refuses what was asked, `details.said` has its words). None of them ever holds a credential.
 */
export interface Forge {
  readonly kind: ForgeKind;
  /** Where the repository is now: hosts redirect the address of one that was renamed. */
  repository(signal: AbortSignal): Promise<ForgeRepository>;
  /** User and password by which its branches are pushed over https. */
  pushCredential(): Promise<{ readonly username: string; readonly password: string }>;
  /** The newest pull request from this branch whose text holds the marker, whatever its state. */
  find(branch: string, marker: string, signal: AbortSignal): Promise<PullRequest | undefined>;
  open(request: NewPullRequest, signal: AbortSignal): Promise<PullRequest>;
  /** The pull request now; "same" where nothing has changed since the answer that gave this etag. */
  read(number: number, etag: string | null, signal: AbortSignal): Promise<PullRequest | "same">;
  update(number: number, changes: { readonly title?: string; readonly body?: string }, signal: AbortSignal): Promise<void>;
  /** A draft, or ready for review. */
  setDraft(number: number, draft: boolean, signal: AbortSignal): Promise<void>;
  /** Adds labels; those that are there stay. */
  addLabels(number: number, labels: readonly string[], signal: AbortSignal): Promise<void>;
  /** Asks these accounts for a review. Accounts that the host does not know are left out; answers those. */
  askReviewers(number: number, accounts: readonly string[], signal: AbortSignal): Promise<string[]>;
  /** Writes the one comment that holds the marker: the first time a new one, then the same again. */
  setComment(number: number, marker: string, text: string, signal: AbortSignal): Promise<void>;
  /** What people said of it, oldest first: comments, and reviews with their lines. At most 200 of each. */
  feedback(number: number, signal: AbortSignal): Promise<Feedback[]>;
  /** What the host's own checks say of a commit. */
  checks(oid: string, signal: AbortSignal): Promise<Checks>;
  /** Merges it, where its head is still this commit. PR_FAILED where something hinders that. */
  merge(number: number, how: { readonly oid: string; readonly method: MergeMethod }, signal: AbortSignal): Promise<void>;
  /** Closes it unmerged; one that is closed or merged stays so. */
  close(number: number, signal: AbortSignal): Promise<void>;
}

/** How a pull request is merged. */
export type MergeMethod = "merge" | "squash" | "rebase";

/** A repository as its host knows it now. */
export interface ForgeRepository {
  /** Such as `owner/name`. */
  readonly path: string;
  readonly defaultBranch: string;
}

/** A pull request as its host knows it now. */
export interface PullRequest {
  readonly number: number;
  /** For people. */
  readonly url: string;
  readonly state: "open" | "draft" | "merged" | "closed";
  readonly title: string;
  readonly body: string;
  readonly branch: string;
  readonly headOid: string;
  /** False where it conflicts, or where a rule keeps it from being merged; null where the host has not found out yet. */
  readonly mergeable: boolean | null;
  /** For the next `read`; null where the host gave none. */
  readonly etag: string | null;
}

/** A pull request that is to be opened. */
export interface NewPullRequest {
  readonly branch: string;
  /** The branch that it is to be merged into. */
  readonly base: string;
  readonly title: string;
  readonly body: string;
  readonly draft: boolean;
}

/** Something that a person, or a program, wrote on a pull request. All of it is untrusted text. */
export interface Feedback {
  /** Unique in the pull request; changes when the text does. */
  readonly id: string;
  readonly author: string;
  /** Whether the author may push to the repository. */
  readonly mayWrite: boolean;
  /** Whether it is a bot's. */
  readonly isBot: boolean;
  /** `change-request`: part of a review that asks for changes, or an open discussion of a line. `comment`: all else. */
  readonly kind: "change-request" | "comment";
  readonly text: string;
  /** Where it is about a line. */
  readonly path?: string;
  readonly line?: number;
}

/** What the host's own checks say of a commit; `none`: there are none. */
export interface Checks {
  readonly state: "none" | "pending" | "green" | "red";
  readonly failing: ReadonlyArray<{ readonly name: string; readonly summary: string; readonly url: string | null }>;
}
