import { checksOf } from "../checks.ts";
import type { Checks, Feedback, Forge, ForgeRepository, MergeMethod, NewPullRequest, PullRequest } from "../forge.ts";
import { askedOf, type GitlabClient } from "./client.ts";

/** Comments that are looked at. */
const PAGE = 100;
/** Rights from here on include pushing (https://docs.gitlab.com/api/members/#roles). */
const DEVELOPER = 30;
const DRAFT = /^(?:\s*(?:draft|wip):\s*|\s*\[draft\]\s*)/i;

/** What is read of a merge request of GitLab's. */
interface MergeData {
  readonly iid: number;
  readonly web_url: string;
  readonly state: string;
  readonly draft?: boolean;
  readonly title: string;
  readonly description: string | null;
  readonly source_branch: string;
  readonly sha: string | null;
  readonly detailed_merge_status?: string;
}

interface NoteData {
  readonly id: number;
  readonly body: string;
  readonly system: boolean;
  readonly author: { readonly id: number; readonly username: string };
  readonly updated_at: string;
  readonly resolvable?: boolean;
  readonly resolved?: boolean;
  readonly position?: { readonly new_path?: string; readonly new_line?: number | null } | null;
}

/** One repository of a GitLab, its merge requests being pull requests. */
export class GitlabForge implements Forge {
  readonly kind = "gitlab";
  readonly #client: GitlabClient;
  readonly #token: string;
  readonly #host: string;
  readonly #path: string;
  readonly #writers = new Map<number, boolean>();

  constructor(client: GitlabClient, token: string, at: { readonly host: string; readonly path: string }) {
    this.#client = client;
    this.#token = token;
    this.#host = at.host;
    this.#path = at.path;
  }

  async repository(signal: AbortSignal): Promise<ForgeRepository> {
    const project = await this.#ask("find the repository", signal, () => this.#client.Projects.show(this.#path));
    return { path: String(project.path_with_namespace), defaultBranch: String(project.default_branch) };
  }

  async pushCredential(): Promise<{ username: string; password: string }> {
    return { username: "oauth2", password: this.#token };
  }

  async find(branch: string, marker: string, signal: AbortSignal): Promise<PullRequest | undefined> {
    const found = await this.#ask("look for the merge request", signal, () =>
      this.#client.MergeRequests.all({ projectId: this.#path, sourceBranch: branch, orderBy: "created_at", sort: "desc", perPage: PAGE, maxPages: 1 }),
    );
    const own = (found as unknown as MergeData[]).find(({ source_branch, description }) => source_branch === branch && (description ?? "").includes(marker));
    return own && pullRequestOf(own);
  }

  async open({ branch, base, title, body, draft }: NewPullRequest, signal: AbortSignal): Promise<PullRequest> {
    const made = await this.#ask("open the merge request", signal, () =>
      this.#client.MergeRequests.create(this.#path, branch, base, draft ? `Draft: ${title}` : title, { description: body, removeSourceBranch: false }),
    );
    return pullRequestOf(made as unknown as MergeData);
  }

  /** GitLab gives etags to no merge request that a client could use: the content itself is compared. */
  async read(number: number, etag: string | null, signal: AbortSignal): Promise<PullRequest | "same"> {
    const shown = await this.#ask("read the merge request", signal, () => this.#client.MergeRequests.show(this.#path, number));
    const now = pullRequestOf(shown as unknown as MergeData);
    return etag !== null && now.etag === etag ? "same" : now;
  }

  async update(number: number, { title, body }: { title?: string; body?: string }, signal: AbortSignal): Promise<void> {
    const present = title === undefined ? undefined : await this.read(number, null, signal);
    const draft = present !== undefined && present !== "same" && present.state === "draft";
    const changes = { ...(title === undefined ? {} : { title: draft ? `Draft: ${title}` : title }), ...(body === undefined ? {} : { description: body }) };
    await this.#edit("change the merge request", number, changes, signal);
  }

  async setDraft(number: number, draft: boolean, signal: AbortSignal): Promise<void> {
    const now = await this.#ask("read the merge request", signal, () => this.#client.MergeRequests.show(this.#path, number));
    const { title } = now as unknown as MergeData;
    if (DRAFT.test(title) === draft) return;
    await this.#edit(draft ? "make it a draft" : "mark it ready", number, { title: draft ? `Draft: ${title}` : title.replace(DRAFT, "") }, signal);
  }

  async addLabels(number: number, labels: readonly string[], signal: AbortSignal): Promise<void> {
    if (labels.length > 0) await this.#edit("label the merge request", number, { addLabels: labels.join(",") }, signal);
  }

  async askReviewers(number: number, accounts: readonly string[], signal: AbortSignal): Promise<string[]> {
    if (accounts.length === 0) return [];
    const found = await Promise.all(
      accounts.map(async (username) => {
        const users = await this.#ask("find an account", signal, () => this.#client.Users.all({ username, perPage: 1, maxPages: 1 }));
        return { username, id: users[0]?.id };
      }),
    );
    const reviewerIds = found.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]));
    if (reviewerIds.length > 0) await this.#edit("ask for a review", number, { reviewerIds }, signal);
    return found.filter(({ id }) => id === undefined).map(({ username }) => username);
  }

  async setComment(number: number, marker: string, text: string, signal: AbortSignal): Promise<void> {
    const body = `${marker}\n${text}`;
    const own = await this.#userId(signal);
    const known = (await this.#notes(number, signal)).find((note) => note.author.id === own && note.body.startsWith(marker));
    if (known?.body === body) return;
    await this.#ask("write a comment", signal, async () => {
      if (known) await this.#client.MergeRequestNotes.edit(this.#path, number, known.id, { body });
      else await this.#client.MergeRequestNotes.create(this.#path, number, body);
    });
  }

  async feedback(number: number, signal: AbortSignal): Promise<Feedback[]> {
    const own = await this.#userId(signal);
    const feedback: Feedback[] = [];
    for (const note of await this.#notes(number, signal)) {
      if (note.system || note.author.id === own || note.resolved === true) continue;
      feedback.push({
        id: `note-${note.id}-${note.updated_at}`,
        author: note.author.username,
        mayWrite: await this.#mayWrite(note.author.id, signal),
        isBot: /^(project|group)_\d+_bot/.test(note.author.username),
        kind: note.resolvable === true && note.position != null ? "change-request" : "comment",
        text: note.body,
        ...(note.position?.new_path === undefined ? {} : { path: note.position.new_path }),
        ...(typeof note.position?.new_line === "number" ? { line: note.position.new_line } : {}),
      });
    }
    return feedback;
  }

  async checks(oid: string, signal: AbortSignal): Promise<Checks> {
    const statuses = await this.#ask("read the pipelines", signal, () => this.#client.Commits.allStatuses(this.#path, oid));
    const told = statuses as unknown as Array<{ name: string; status: string; description: string | null; target_url: string | null; allow_failure: boolean }>;
    return checksOf(
      told.map(({ name, status, description, target_url, allow_failure }) => ({
        name,
        ending: status === "failed" && allow_failure ? "neutral" : status,
        summary: description ?? "",
        url: target_url,
      })),
    );
  }

  async merge(number: number, { oid, method }: { oid: string; method: MergeMethod }, signal: AbortSignal): Promise<void> {
    // GitLab merges by rebase where the project says so; a request can ask for squashing alone.
    await this.#ask("merge the merge request", signal, () => this.#client.MergeRequests.merge(this.#path, number, { sha: oid, squash: method === "squash" }));
  }

  async close(number: number, signal: AbortSignal): Promise<void> {
    const now = await this.read(number, null, signal);
    if (now !== "same" && (now.state === "open" || now.state === "draft")) await this.#edit("close the merge request", number, { stateEvent: "close" }, signal);
  }

  async #edit(what: string, number: number, changes: Parameters<GitlabClient["MergeRequests"]["edit"]>[2], signal: AbortSignal): Promise<void> {
    await this.#ask(what, signal, () => this.#client.MergeRequests.edit(this.#path, number, changes));
  }

  async #notes(number: number, signal: AbortSignal): Promise<NoteData[]> {
    const notes = await this.#ask("read the comments", signal, () =>
      this.#client.MergeRequestNotes.all(this.#path, number, { sort: "asc", orderBy: "created_at", perPage: PAGE, maxPages: 2 }),
    );
    return notes as unknown as NoteData[];
  }

  async #userId(signal: AbortSignal): Promise<number> {
    return Number((await this.#ask("learn whose token it is", signal, () => this.#client.Users.showCurrentUser())).id);
  }

  async #mayWrite(userId: number, signal: AbortSignal): Promise<boolean> {
    const known = this.#writers.get(userId);
    if (known !== undefined) return known;
    let may = false;
    try {
      const member = await this.#ask("learn who may write", signal, () => this.#client.ProjectMembers.show(this.#path, userId, { includeInherited: true }));
      may = Number(member.access_level) >= DEVELOPER;
    } catch (error) {
      // Of somebody who is no member.
      if ((error as { code?: string }).code !== "REPOSITORY_MOVED") throw error;
    }
    this.#writers.set(userId, may);
    return may;
  }

  async #ask<T>(what: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    return await askedOf(this.#host, what, this.#token, signal, call);
  }
}

function pullRequestOf(data: MergeData): PullRequest {
  const { iid, web_url: url, title, description, source_branch: branch, sha, detailed_merge_status: status } = data;
  const state = data.state === "merged" ? "merged" : data.state !== "opened" ? "closed" : data.draft === true ? "draft" : "open";
  const mergeable =
    status === "mergeable" ? true : status === undefined || /^(unchecked|checking|preparing|ci_still_running|approvals_syncing)$/.test(status) ? null : false;
  const etag = JSON.stringify([state, title, sha, mergeable]);
  return { number: iid, url, state, title: title.replace(DRAFT, ""), body: description ?? "", branch, headOid: sha ?? "", mergeable, etag };
}
