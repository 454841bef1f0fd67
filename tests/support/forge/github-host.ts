import type { IncomingMessage } from "node:http";
import { type Answer, type Asked, GitHost } from "./git-host.ts";
import { Scripted, type ScriptedComment, type ScriptedPull } from "./scripted.ts";

/** GitHub's REST API as far as Slipway uses it (https://docs.github.com/rest), written after its documentation. */
export class GithubHost extends GitHost {
  readonly scripted = new Scripted();
  /** Installation tokens that were handed out; each is good until the next one. */
  readonly appTokens: string[] = [];

  static async start(): Promise<GithubHost> {
    const { dir, server } = await GitHost.listen();
    return new GithubHost(dir, server);
  }

  get baseUrl(): string {
    return `${this.origin}/api/v3`;
  }

  protected isAuthorized({ authorization = "" }: IncomingMessage["headers"]): boolean {
    // An app asks for its tokens with a signed claim.
    return authorization.toLowerCase() === `token ${this.token}`.toLowerCase() || /^bearer ey/i.test(authorization);
  }

  protected async answer(asked: Asked): Promise<Answer> {
    const path = asked.path.replace(/^\/api\/v3/, "").replace(/^\/api(?=\/graphql)/, "");
    const { method, body } = asked;
    if (path === "/user") return { status: 200, body: { login: "slipway-bot", id: 1, type: "User" } };
    if (path === "/graphql") return this.#graphql(body);
    const token = /^\/app\/installations\/(\d+)\/access_tokens$/.exec(path);
    if (token) return this.#appToken();
    const [, found = "", rest = ""] = /^\/repos\/([^/]+\/[^/]+)(\/.*)?$/.exec(path) ?? [];
    if (this.formerPaths.includes(found)) {
      const location = `${this.baseUrl}/repos/${this.path}${rest}${asked.query.size > 0 ? `?${asked.query}` : ""}`;
      return { status: method === "GET" ? 301 : 307, body: { message: "Moved Permanently" }, headers: { location } };
    }
    if (found !== this.path) return null;
    return await this.#repository(asked, rest);
  }

  async #repository({ method, query, body, headers }: Asked, rest: string): Promise<Answer> {
    const { scripted } = this;
    if (rest === "") return { status: 200, body: { full_name: this.path, default_branch: "main" } };
    if (rest === "/pulls" && method === "GET") {
      const head = query.get("head")?.split(":")[1];
      const found = scripted.pulls.filter(({ branch }) => branch === head).reverse();
      return { status: 200, body: await Promise.all(found.map((pull) => this.#view(pull))) };
    }
    if (rest === "/pulls") return await this.#create(body);
    const [, kind = "", numberText = "", more = ""] = /^\/(pulls|issues)\/(\d+)(\/.*)?$/.exec(rest) ?? [];
    const pull = scripted.pull(Number(numberText));
    if (pull) return await this.#pull(pull, `${kind}${more}`, { method, query, body, headers } as Asked);
    const comment = /^\/issues\/comments\/(\d+)$/.exec(rest);
    if (comment) return this.#edit(Number(comment[1]), String(body["body"]));
    const permission = /^\/collaborators\/([^/]+)\/permission$/.exec(rest);
    if (permission?.[1]) return { status: 200, body: { permission: scripted.writers.has(permission[1]) ? "write" : "read" } };
    const checks = /^\/commits\/([0-9a-f]+)\/(check-runs|status)$/.exec(rest);
    if (checks?.[1]) return { status: 200, body: checks[2] === "status" ? { statuses: [] } : { check_runs: scripted.checksOf(checks[1]).map(checkRun) } };
    return null;
  }

  async #create({ head, base, title, body, draft }: Record<string, unknown>): Promise<Answer> {
    const refuse = (message: string): Answer => ({ status: 422, body: { message: "Validation Failed", errors: [{ resource: "PullRequest", message }] } });
    const branches = await this.branches();
    if (!branches[String(base)]) return refuse(`base ${base} is invalid`);
    if (!branches[String(head)]) return refuse(`head ${head} is invalid`);
    if (this.scripted.pulls.some((pull) => pull.branch === head && pull.state === "open")) return refuse(`A pull request already exists for ${head}.`);
    return { status: 201, body: await this.#view(this.scripted.open(String(head), String(base), String(title), String(body), draft === true)) };
  }

  async #pull(pull: ScriptedPull, what: string, { method, body, headers }: Asked): Promise<Answer> {
    const comments = this.scripted.commentsOf(pull.number);
    switch (`${method} ${what}`) {
      case "GET pulls": {
        const etag = `W/"${pull.version}-${pull.state}-${pull.draft}-${(await this.branches())[pull.branch] ?? ""}"`;
        if (headers["if-none-match"] === etag) return { status: 304 };
        return { status: 200, body: await this.#view(pull), headers: { etag } };
      }
      case "PATCH pulls": {
        if (typeof body["title"] === "string") pull.title = body["title"];
        if (typeof body["body"] === "string") pull.body = body["body"];
        if (body["state"] === "closed" && pull.state === "open") pull.state = "closed";
        pull.version += 1;
        return { status: 200, body: await this.#view(pull) };
      }
      case "PUT pulls/merge": {
        if (pull.state !== "open" || pull.draft) return { status: 405, body: { message: "Pull Request is not mergeable" } };
        if ((await this.branches())[pull.branch] !== body["sha"]) return { status: 409, body: { message: "Head branch was modified." } };
        pull.state = "merged";
        pull.mergeMethod = String(body["merge_method"]);
        return { status: 200, body: { merged: true } };
      }
      case "POST pulls/requested_reviewers": {
        const [name = ""] = body["reviewers"] as string[];
        if (!this.scripted.accounts.includes(name)) return { status: 422, body: { message: "Reviews may only be requested from collaborators." } };
        pull.reviewers.push(name);
        return { status: 201, body: await this.#view(pull) };
      }
      case "POST issues/labels": {
        pull.labels = [...new Set([...pull.labels, ...(body["labels"] as string[])])];
        return { status: 200, body: pull.labels.map((name) => ({ name })) };
      }
      case "GET issues/comments":
        return { status: 200, body: comments.filter(({ kind }) => kind === "comment").map(commentView) };
      case "POST issues/comments":
        return { status: 201, body: commentView(this.scripted.comment(pull.number, { author: "slipway-bot", body: String(body["body"]), kind: "comment" })) };
      case "GET pulls/comments": {
        const lines = comments.filter(({ kind, path }) => kind === "change-request" && path !== undefined);
        return { status: 200, body: lines.map((one) => ({ ...commentView(one), path: one.path, line: one.line, pull_request_review_id: 1_000 + one.id })) };
      }
      case "GET pulls/reviews": {
        const asking = comments.filter(({ kind }) => kind === "change-request");
        return {
          status: 200,
          body: asking.map((one) => ({
            ...commentView(one),
            id: 1_000 + one.id,
            body: one.path === undefined ? one.body : "",
            state: "CHANGES_REQUESTED",
            submitted_at: "2026-01-01T00:00:00Z",
          })),
        };
      }
      default:
        return null;
    }
  }

  #edit(id: number, body: string): Answer {
    const comment = [...this.scripted.comments.values()].flat().find((one) => one.id === id);
    if (!comment) return null;
    comment.body = body;
    return { status: 200, body: commentView(comment) };
  }

  #graphql({ query, variables }: Record<string, unknown>): Answer {
    const pull = this.scripted.pull(Number(String((variables as { id?: string }).id).replace("PR_", "")));
    if (!pull) return { status: 200, body: { errors: [{ message: "Could not resolve to a node" }] } };
    pull.draft = String(query).includes("convertPullRequestToDraft");
    pull.version += 1;
    return { status: 200, body: { data: { done: { clientMutationId: null } } } };
  }

  #appToken(): Answer {
    this.token = `installation-token-${this.appTokens.length + 1}`;
    this.appTokens.push(this.token);
    const expires = new Date(Date.now() + 3_600_000).toISOString();
    return { status: 201, body: { token: this.token, expires_at: expires, permissions: {}, repository_selection: "all" } };
  }

  async #view(pull: ScriptedPull): Promise<unknown> {
    const { number, branch, title, body, draft, state } = pull;
    return {
      number,
      node_id: `PR_${number}`,
      html_url: `${this.origin}/${this.path}/pull/${number}`,
      state: state === "open" ? "open" : "closed",
      merged_at: state === "merged" ? "2026-01-01T00:00:00Z" : null,
      draft,
      title,
      body,
      head: { ref: branch, sha: (await this.branches())[branch] ?? "0".repeat(40) },
      mergeable: true,
      mergeable_state: "clean",
    };
  }
}

function commentView({ id, author, body }: ScriptedComment): { id: number; body: string; user: unknown; updated_at: string } {
  return { id, body, user: { login: author, type: "User" }, updated_at: "2026-01-01T00:00:00Z" };
}

function checkRun({ name, ending, summary }: { name: string; ending: string; summary: string }): unknown {
  const status = ending === "pending" ? "in_progress" : "completed";
  return { name, status, conclusion: ending === "pending" ? null : ending, output: { title: null, summary }, html_url: "https://ci.example/1" };
}
