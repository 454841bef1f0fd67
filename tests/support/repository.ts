import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import type { RepositoryView } from "@slipway/protocol/repository";
import { execa } from "execa";

/** Environment in which git reads no configuration but the repository's own. */
const GIT_ENV = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Tess",
  GIT_AUTHOR_EMAIL: "tess@example.com",
  GIT_COMMITTER_NAME: "Tess",
  GIT_COMMITTER_EMAIL: "tess@example.com",
};

/** Runs git in a folder; the trimmed output. */
export async function git(dir: string, ...args: string[]): Promise<string> {
  return (await execa("git", args, { cwd: dir, env: GIT_ENV })).stdout.trim();
}

/** A repository of a test, with one commit of `files` on `main`. */
export async function makeRepository(files: Record<string, string>, dir?: string): Promise<TestRepository> {
  const root = dir ?? (await mkdtemp(join(tmpdir(), "slipway-repo-")));
  await mkdir(root, { recursive: true });
  await git(root, "init", "--quiet", "--initial-branch=main");
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  await git(root, "add", "--all", "--force");
  await git(root, "commit", "--quiet", "--message", "Start");
  return new TestRepository(root);
}

export class TestRepository implements AsyncDisposable {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  head(): Promise<string> {
    return git(this.root, "rev-parse", "HEAD");
  }

  /** Registers the repository with a server that fetches from its folder, or from another address that has the same. */
  async register(client: Client, name: string, url = this.root): Promise<RepositoryView> {
    const repository = await client.call("createRepository", { body: { name, url, defaultBranch: "main" } });
    await client.call("syncRepository", { params: { repo: repository.id }, body: {} });
    return repository;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}
