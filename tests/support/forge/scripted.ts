/** What tests read and script of either host, whichever its API is. */

export interface ScriptedPull {
  readonly number: number;
  readonly branch: string;
  base: string;
  title: string;
  body: string;
  draft: boolean;
  state: "open" | "closed" | "merged";
  labels: string[];
  reviewers: string[];
  mergeMethod?: string;
  /** Grows with every change. */
  version: number;
}

export interface ScriptedComment {
  readonly id: number;
  readonly author: string;
  body: string;
  /** A review that asks for changes, or a plain comment. */
  readonly kind: "comment" | "change-request";
  readonly path?: string;
  readonly line?: number;
}

export interface ScriptedCheck {
  readonly name: string;
  readonly ending: "success" | "failure" | "pending";
  readonly summary: string;
}

/** The state behind a scripted API. */
export class Scripted {
  readonly pulls: ScriptedPull[] = [];
  readonly comments = new Map<number, ScriptedComment[]>();
  /** By commit; `*` for all others. */
  readonly checks = new Map<string, ScriptedCheck[]>();
  /** Accounts that may push; `slipway-bot` is the token's own. */
  readonly writers = new Set(["slipway-bot", "mara"]);
  readonly accounts = ["slipway-bot", "mara", "stranger"];
  #comments = 0;

  open(branch: string, base: string, title: string, body: string, draft: boolean): ScriptedPull {
    const pull: ScriptedPull = { number: this.pulls.length + 1, branch, base, title, body, draft, state: "open", labels: [], reviewers: [], version: 1 };
    this.pulls.push(pull);
    return pull;
  }

  pull(number: number): ScriptedPull | undefined {
    return this.pulls.find((pull) => pull.number === number);
  }

  commentsOf(number: number): ScriptedComment[] {
    const comments = this.comments.get(number) ?? [];
    this.comments.set(number, comments);
    return comments;
  }

  comment(number: number, comment: Omit<ScriptedComment, "id">): ScriptedComment {
    this.#comments += 1;
    const made = { ...comment, id: this.#comments };
    this.commentsOf(number).push(made);
    const pull = this.pull(number);
    if (pull) pull.version += 1;
    return made;
  }

  checksOf(oid: string): ScriptedCheck[] {
    return this.checks.get(oid) ?? this.checks.get("*") ?? [];
  }
}
