import { SlipwayError } from "@slipway/protocol/errors";
import type { ForgeSettings } from "@slipway/protocol/forge-settings";
import type { Forge } from "./forge.ts";
import { type GithubClient, type GithubCredential, githubClient } from "./github/client.ts";
import { GithubForge } from "./github/github-forge.ts";
import { type GitlabClient, gitlabClient } from "./gitlab/client.ts";
import { GitlabForge } from "./gitlab/gitlab-forge.ts";

/** The credential of a host, its secrets read. */
export type ForgeCredential = GithubCredential;

/** The client of one host, to be kept for all of its repositories: it knows the host's limits. */
export interface ForgeHost {
  /** The forge of a repository, by its path such as `owner/name`. REPOSITORY_MOVED for a path that the host cannot have. */
  repository(path: string): Forge;
}

/** `host`: as in the addresses of repositories. `retryUnitMs`: what pauses between tries are counted in, in ms; a second where it is missing. */
export function openForgeHost(host: string, settings: ForgeSettings, credential: ForgeCredential, retryUnitMs?: number): ForgeHost {
  if (settings.kind === "gitlab") return gitlabHost(host, settings.baseUrl ?? `https://${host}`, credential, retryUnitMs);
  const client: GithubClient = githubClient(settings.baseUrl ?? (host === "github.com" ? undefined : `https://${host}/api/v3`), credential, retryUnitMs);
  return {
    repository: (path) => {
      const [owner, repo, ...more] = path.split("/");
      if (!owner || !repo || more.length > 0)
        throw new SlipwayError("REPOSITORY_MOVED", `${path} is no repository of a GitHub: owner/name was expected.`, { path });
      return new GithubForge(client, credential, { host, owner, repo });
    },
  };
}

function gitlabHost(host: string, baseUrl: string, credential: ForgeCredential, retryUnitMs?: number): ForgeHost {
  if (credential.kind !== "token") throw new SlipwayError("INVALID_CONFIG", "GitLab takes a token.", { host });
  const { token } = credential;
  const client: GitlabClient = gitlabClient(baseUrl, token, retryUnitMs);
  return { repository: (path) => new GitlabForge(client, token, { host, path }) };
}
