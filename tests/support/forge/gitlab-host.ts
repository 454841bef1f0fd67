import type { IncomingMessage } from "node:http";
import { type Answer, type Asked, GitHost } from "./git-host.ts";
import { Scripted, type ScriptedComment, type ScriptedPull } from "./scripted.ts";

/** GitLab's REST API as far as Slipway uses it (https://docs.gitlab.com/api/rest), written after its documentation. */
export class GitlabHost extends GitHost {
  readonly scripted = new Scripted();

  static async start(): Promise<GitlabHost> {
    const { dir, server } = await GitHost.listen();
    return new GitlabHost(dir, server);
  }

  get baseUrl(): string {
    return this.origin;
  }

  protected isAuthorized(headers: IncomingMessage["headers"]): boolean {
    return headers["private-token"] === this.token;
  }

  protected async answer(asked: Asked): Promise<Answer> {
    const path = asked.path.replace(/^\/api\/v4/, "");
    const { method, query } = asked;
    if (path === "/user") return { status: 200, body: this.#account("slipway-bot") };
    if (path === "/users")
      return { status: 200, body: this.scripted.accounts.filter((name) => name === query.get("username")).map((name) => this.#account(name)) };
    const [, found = "", rest = ""] = /^\/projects\/([^/]+\/[^/]+?)(\/(?:merge_requests|members|repository).*)?$/.exec(path) ?? [];
    if (this.formerPaths.includes(found)) {
      const location = `${this.origin}/api/v4/projects/${encodeURIComponent(this.path)}${rest}${query.size > 0 ? `?${query}` : ""}`;
      return { status: method === "GET" ? 301 : 307, body: { message: "Moved" }, headers: { location } };
    }
    if (found !== this.path) return null;
    return await this.#project(asked, rest);
  }

  async #project({ method, query, body }: Asked, rest: string): Promise<Answer> {
    const { scripted } = this;
    if (rest === "") return { status: 200, body: { path_with_namespace: this.path, default_branch: "main" } };
    const member = /^\/members\/all\/(\d+)$/.exec(rest);
    if (member) {
      const name = scripted.accounts[Number(member[1]) - 1] ?? "";
      return scripted.writers.has(name)
        ? { status: 200, body: { id: Number(member[1]), access_level: 30 } }
        : { status: 404, body: { message: "404 Not found" } };
    }
    const statuses = /^\/repository\/commits\/([0-9a-f]+)\/statuses$/.exec(rest);
    if (statuses?.[1]) {
      const told = scripted.checksOf(statuses[1]);
      return {
        status: 200,
        body: told.map(({ name, ending, summary }) => ({
          name,
          status: ending === "failure" ? "failed" : ending,
          description: summary,
          target_url: null,
          allow_failure: false,
        })),
      };
    }
    if (rest === "/merge_requests" && method === "GET") {
      const found = scripted.pulls.filter(({ branch }) => branch === query.get("source_branch")).reverse();
      return { status: 200, body: await Promise.all(found.map((pull) => this.#view(pull))) };
    }
    if (rest === "/merge_requests") return await this.#create(body);
    const [, numberText = "", more = ""] = /^\/merge_requests\/(\d+)(\/.*)?$/.exec(rest) ?? [];
    const pull = scripted.pull(Number(numberText));
    return pull ? await this.#pull(pull, more, method, body) : null;
  }

  async #create({ source_branch: head, target_branch: base, title, description }: Record<string, unknown>): Promise<Answer> {
    const branches = await this.branches();
    if (!branches[String(base)]) return { status: 422, body: { message: [`target branch ${base} is invalid`] } };
    if (!branches[String(head)]) return { status: 422, body: { message: [`source branch ${head} is invalid`] } };
    if (this.scripted.pulls.some((pull) => pull.branch === head && pull.state === "open"))
      return { status: 409, body: { message: ["Another open merge request already exists for this source branch"] } };
    const draft = /^draft: /i.test(String(title));
    return {
      status: 201,
      body: await this.#view(this.scripted.open(String(head), String(base), String(title).replace(/^draft: /i, ""), String(description), draft)),
    };
  }

  async #pull(pull: ScriptedPull, rest: string, method: string, body: Record<string, unknown>): Promise<Answer> {
    const comments = this.scripted.commentsOf(pull.number);
    const note = /^\/notes\/(\d+)$/.exec(rest);
    if (note) {
      const known = comments.find(({ id }) => id === Number(note[1]));
      if (!known) return null;
      known.body = String(body["body"]);
      return { status: 200, body: this.#note(known) };
    }
    switch (`${method} ${rest}`) {
      case "GET ":
        return { status: 200, body: await this.#view(pull) };
      case "PUT ": {
        if (typeof body["title"] === "string") {
          pull.draft = /^draft: /i.test(body["title"]);
          pull.title = body["title"].replace(/^draft: /i, "");
        }
        if (typeof body["description"] === "string") pull.body = body["description"];
        if (typeof body["add_labels"] === "string") pull.labels = [...new Set([...pull.labels, ...body["add_labels"].split(",")])];
        if (Array.isArray(body["reviewer_ids"])) pull.reviewers = body["reviewer_ids"].map((id) => this.scripted.accounts[Number(id) - 1] ?? "");
        if (body["state_event"] === "close" && pull.state === "open") pull.state = "closed";
        return { status: 200, body: await this.#view(pull) };
      }
      case "PUT /merge": {
        if (pull.state !== "open" || pull.draft) return { status: 405, body: { message: "405 Method Not Allowed" } };
        if ((await this.branches())[pull.branch] !== body["sha"]) return { status: 409, body: { message: "SHA does not match HEAD of source branch" } };
        pull.state = "merged";
        pull.mergeMethod = body["squash"] === true ? "squash" : "merge";
        return { status: 200, body: await this.#view(pull) };
      }
      case "GET /notes":
        return { status: 200, body: comments.map((one) => this.#note(one)) };
      case "POST /notes":
        return { status: 201, body: this.#note(this.scripted.comment(pull.number, { author: "slipway-bot", body: String(body["body"]), kind: "comment" })) };
      default:
        return null;
    }
  }

  #account(name: string): { id: number; username: string } {
    return { id: this.scripted.accounts.indexOf(name) + 1, username: name };
  }

  #note({ id, author, body, kind, path, line }: ScriptedComment): unknown {
    const position = kind === "change-request" ? { new_path: path ?? "a.txt", new_line: line ?? null } : null;
    return {
      id,
      body,
      system: false,
      author: this.#account(author),
      updated_at: "2026-01-01T00:00:00Z",
      resolvable: position !== null,
      resolved: false,
      position,
    };
  }

  async #view(pull: ScriptedPull): Promise<unknown> {
    const { number, branch, title, body, draft, state } = pull;
    return {
      iid: number,
      web_url: `${this.origin}/${this.path}/-/merge_requests/${number}`,
      state: state === "open" ? "opened" : state,
      draft,
      title: draft ? `Draft: ${title}` : title,
      description: body,
      source_branch: branch,
      sha: (await this.branches())[branch] ?? null,
      detailed_merge_status: draft ? "draft_status" : "mergeable",
    };
  }
}
