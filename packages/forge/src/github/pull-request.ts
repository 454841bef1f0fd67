import type { PullRequest } from "../forge.ts";

/** What both answers of GitHub, of a list and of one pull request, have. */
interface PullData {
  readonly number: number;
  readonly html_url: string;
  readonly state: string;
  readonly draft?: boolean | undefined;
  readonly merged_at?: string | null;
  readonly title: string;
  readonly body: string | null;
  readonly head: { readonly ref: string; readonly sha: string };
  readonly mergeable?: boolean | null;
  readonly mergeable_state?: string;
}

/** GitHub's answer in our words. */
export function pullRequestOf(data: PullData, etag: string | null): PullRequest {
  return {
    number: data.number,
    url: data.html_url,
    state: data.merged_at ? "merged" : data.state !== "open" ? "closed" : data.draft ? "draft" : "open",
    title: data.title,
    body: data.body ?? "",
    branch: data.head.ref,
    headOid: data.head.sha,
    mergeable: data.mergeable_state === "blocked" ? false : (data.mergeable ?? null),
    etag,
  };
}
