import { checksOf, type Verdict } from "../checks.ts";
import type { Checks, Feedback, Forge, ForgeRepository, MergeMethod, NewPullRequest, PullRequest } from "../forge.ts";
import { asked, type GithubClient, type GithubCredential } from "./client.ts";
import { pullRequestOf } from "./pull-request.ts";

/** Comments and reviews that are looked at, of each kind. */
const PAGE = 100;
const PAGES = 2;

/** GitHub, or a GitHub Enterprise, as one repository's forge. */
export class GithubForge implements Forge {
  readonly kind = "github";
  readonly #client: GithubClient;
  readonly #credential: GithubCredential;
  readonly #host: string;
  readonly #owner: string;
  readonly #repo: string;
  /** Rights do not change from one comment to the next. */
  readonly #writers = new Map<string, boolean>();

  constructor(client: GithubClient, credential: GithubCredential, at: { readonly host: string; readonly owner: string; readonly repo: string }) {
    this.#client = client;
    this.#credential = credential;
    this.#host = at.host;
    this.#owner = at.owner;
    this.#repo = at.repo;
  }

  async repository(signal: AbortSignal): Promise<ForgeRepository> {
    const { data } = await this.#ask("find the repository", signal, (request) => this.#client.rest.repos.get({ ...this.#at, request }));
    return { path: data.full_name, defaultBranch: data.default_branch };
  }

  async pushCredential(): Promise<{ username: string; password: string }> {
    if (this.#credential.kind === "token") return { username: "x-access-token", password: this.#credential.token };
    const password = await asked(this.#host, "get a token of the app", this.#secrets, new AbortController().signal, async () => {
      const { token } = (await this.#client.auth({ type: "installation" })) as { token: string };
      return token;
    });
    return { username: "x-access-token", password };
  }

  async find(branch: string, marker: string, signal: AbortSignal): Promise<PullRequest | undefined> {
    const { data } = await this.#ask("look for the pull request", signal, (request) =>
      this.#client.rest.pulls.list({
        ...this.#at,
        head: `${this.#owner}:${branch}`,
        state: "all",
        sort: "created",
        direction: "desc",
        per_page: PAGE,
        request,
      }),
    );
    const found = data.find(({ head, body }) => head.ref === branch && (body ?? "").includes(marker));
    return found && pullRequestOf(found, null);
  }

  async open({ branch, base, title, body, draft }: NewPullRequest, signal: AbortSignal): Promise<PullRequest> {
    const { data } = await this.#ask("open the pull request", signal, (request) =>
      // Another try of its own could make two: whoever calls looks for it first.
      this.#client.rest.pulls.create({ ...this.#at, head: branch, base, title, body, draft, request: { ...request, retries: 0 } }),
    );
    return pullRequestOf(data, null);
  }

  async read(number: number, etag: string | null, signal: AbortSignal): Promise<PullRequest | "same"> {
    return await this.#ask("read the pull request", signal, async (request) => {
      try {
        const headers = etag === null ? {} : { "if-none-match": etag };
        const { data, headers: answered } = await this.#client.rest.pulls.get({ ...this.#at, pull_number: number, headers, request });
        return pullRequestOf(data, answered.etag ?? null);
      } catch (error) {
        if ((error as { status?: number }).status === 304) return "same" as const;
        throw error;
      }
    });
  }

  async update(number: number, changes: { title?: string; body?: string }, signal: AbortSignal): Promise<void> {
    await this.#ask("change the pull request", signal, (request) => this.#client.rest.pulls.update({ ...this.#at, pull_number: number, ...changes, request }));
  }

  async setDraft(number: number, draft: boolean, signal: AbortSignal): Promise<void> {
    await this.#ask(draft ? "make the pull request a draft" : "mark the pull request ready", signal, async (request) => {
      const { data } = await this.#client.rest.pulls.get({ ...this.#at, pull_number: number, request });
      if ((data.draft ?? false) === draft) return;
      // The REST API has no way to do this.
      const name = draft ? "convertPullRequestToDraft" : "markPullRequestReadyForReview";
      await this.#client.graphql(`mutation($id: ID!) { ${name}(input: {pullRequestId: $id}) { clientMutationId } }`, { id: data.node_id, request });
    });
  }

  async addLabels(number: number, labels: readonly string[], signal: AbortSignal): Promise<void> {
    if (labels.length === 0) return;
    await this.#ask("label the pull request", signal, (request) =>
      this.#client.rest.issues.addLabels({ ...this.#at, issue_number: number, labels: [...labels], request }),
    );
  }

  async askReviewers(number: number, accounts: readonly string[], signal: AbortSignal): Promise<string[]> {
    const unknown: string[] = [];
    // One by one: a name that cannot review would take all others with it.
    for (const account of accounts) {
      try {
        await this.#ask("ask for a review", signal, (request) =>
          this.#client.rest.pulls.requestReviewers({ ...this.#at, pull_number: number, reviewers: [account], request }),
        );
      } catch (error) {
        if ((error as { code?: string }).code !== "PR_FAILED") throw error;
        unknown.push(account);
      }
    }
    return unknown;
  }

  async setComment(number: number, marker: string, text: string, signal: AbortSignal): Promise<void> {
    const body = `${marker}\n${text}`;
    const comments = await this.#pages("look for the comment", signal, (page, request) =>
      this.#client.rest.issues.listComments({ ...this.#at, issue_number: number, per_page: PAGE, page, request }),
    );
    // Anybody can write the marker; what others wrote is theirs, and cannot be changed by every token.
    const own = await this.#login(signal);
    const known = comments.find(({ body: said, user }) => (said ?? "").startsWith(marker) && (own === null ? user?.type === "Bot" : user?.login === own));
    if (known?.body === body) return;
    await this.#ask("write a comment", signal, async (request) => {
      if (known) await this.#client.rest.issues.updateComment({ ...this.#at, comment_id: known.id, body, request });
      else await this.#client.rest.issues.createComment({ ...this.#at, issue_number: number, body, request: { ...request, retries: 0 } });
    });
  }

  async feedback(number: number, signal: AbortSignal): Promise<Feedback[]> {
    const at = { ...this.#at, pull_number: number, per_page: PAGE };
    const reviews = await this.#pages("read the reviews", signal, (page, request) => this.#client.rest.pulls.listReviews({ ...at, page, request }));
    const lines = await this.#pages("read the comments on lines", signal, (page, request) =>
      this.#client.rest.pulls.listReviewComments({ ...at, page, request }),
    );
    const comments = await this.#pages("read the comments", signal, (page, request) =>
      this.#client.rest.issues.listComments({ ...this.#at, issue_number: number, per_page: PAGE, page, request }),
    );
    const asking = new Set(reviews.filter(({ state }) => state === "CHANGES_REQUESTED").map(({ id }) => id));
    const own = await this.#login(signal);
    const said = [
      ...reviews.filter(({ body }) => body !== "").map((one) => ({ ...one, key: `review-${one.id}-${one.submitted_at ?? ""}`, asks: asking.has(one.id) })),
      ...lines.map((one) => ({ ...one, key: `line-${one.id}-${one.updated_at}`, asks: asking.has(one.pull_request_review_id ?? 0) })),
      ...comments.map((one) => ({ ...one, body: one.body ?? "", key: `comment-${one.id}-${one.updated_at}`, asks: false })),
    ];
    const feedback: Feedback[] = [];
    for (const { key, user, body, asks, ...more } of said) {
      if (!user || user.login === own) continue;
      const place = more as { path?: string; line?: number | null };
      feedback.push({
        id: key,
        author: user.login,
        mayWrite: await this.#mayWrite(user.login, signal),
        isBot: user.type === "Bot",
        kind: asks ? "change-request" : "comment",
        text: body,
        ...(place.path === undefined ? {} : { path: place.path }),
        ...(typeof place.line === "number" ? { line: place.line } : {}),
      });
    }
    return feedback;
  }

  async checks(oid: string, signal: AbortSignal): Promise<Checks> {
    const { data: runs } = await this.#ask("read the checks", signal, (request) =>
      this.#client.rest.checks.listForRef({ ...this.#at, ref: oid, per_page: PAGE, request }),
    );
    const { data: combined } = await this.#ask("read the statuses", signal, (request) =>
      this.#client.rest.repos.getCombinedStatusForRef({ ...this.#at, ref: oid, per_page: PAGE, request }),
    );
    const verdicts: Verdict[] = [
      ...runs.check_runs.map(({ name, status, conclusion, output, html_url }) => ({
        name,
        ending: status === "completed" ? (conclusion ?? "neutral") : "pending",
        summary: [output.title, output.summary].filter(Boolean).join(": "),
        url: html_url,
      })),
      ...combined.statuses.map(({ context, state, description, target_url }) => ({
        name: context,
        ending: state,
        summary: description ?? "",
        url: target_url,
      })),
    ];
    return checksOf(verdicts);
  }

  async merge(number: number, { oid, method }: { oid: string; method: MergeMethod }, signal: AbortSignal): Promise<void> {
    await this.#ask("merge the pull request", signal, (request) =>
      this.#client.rest.pulls.merge({ ...this.#at, pull_number: number, sha: oid, merge_method: method, request }),
    );
  }

  async close(number: number, signal: AbortSignal): Promise<void> {
    await this.#ask("close the pull request", signal, (request) =>
      this.#client.rest.pulls.update({ ...this.#at, pull_number: number, state: "closed", request }),
    );
  }

  get #at(): { owner: string; repo: string } {
    return { owner: this.#owner, repo: this.#repo };
  }

  get #secrets(): readonly string[] {
    return this.#credential.kind === "token" ? [this.#credential.token] : [this.#credential.privateKey];
  }

  /** The account of the token; null of an app, whose comments are a bot's. */
  async #login(signal: AbortSignal): Promise<string | null> {
    if (this.#credential.kind === "app") return null;
    const { data } = await this.#ask("learn whose token it is", signal, (request) => this.#client.rest.users.getAuthenticated({ request }));
    return data.login;
  }

  async #mayWrite(username: string, signal: AbortSignal): Promise<boolean> {
    const known = this.#writers.get(username);
    if (known !== undefined) return known;
    const may = await this.#ask("learn who may write", signal, async (request) => {
      try {
        const { data } = await this.#client.rest.repos.getCollaboratorPermissionLevel({ ...this.#at, username, request });
        return data.permission === "admin" || data.permission === "write";
      } catch (error) {
        // Of somebody whom the repository does not know.
        if ((error as { status?: number }).status === 404) return false;
        throw error;
      }
    });
    this.#writers.set(username, may);
    return may;
  }

  async #pages<T>(what: string, signal: AbortSignal, list: (page: number, request: { signal: AbortSignal }) => Promise<{ data: T[] }>): Promise<T[]> {
    const all: T[] = [];
    for (let page = 1; page <= PAGES; page += 1) {
      const { data } = await this.#ask(what, signal, (request) => list(page, request));
      all.push(...data);
      if (data.length < PAGE) break;
    }
    return all;
  }

  async #ask<T>(what: string, signal: AbortSignal, call: (request: { signal: AbortSignal }) => Promise<T>): Promise<T> {
    return await asked(this.#host, what, this.#secrets, signal, (limited) => call({ signal: limited }));
  }
}
