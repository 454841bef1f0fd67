import { execFile, execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { commitScript, prepareCommitFolder, type TakenCommit, takeCommit } from "@slipway/git/commit";
import { type GitService, installHubHooks, serveGit } from "@slipway/git/http-backend";
import { createHubRepository } from "@slipway/git/hub";
import { openWorkerRepository, type WorkerRepository } from "@slipway/git/repository";
import { fetchUpstream } from "@slipway/git/upstream";
import { addWorkspace } from "@slipway/git/workspace";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { HubAccess } from "@slipway/protocol/worker-api";
import { afterEach } from "vitest";

const cleanups: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs at the end of the test. */
export function atEnd(cleanup: () => Promise<void>): void {
  cleanups.push(cleanup);
}

export const never = new AbortController().signal;

/** A folder that is gone after the test. */
export async function scratch(parent = tmpdir()): Promise<string> {
  const dir = await realpath(await mkdtemp(join(parent, "slipway-git-")));
  atEnd(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Plain git as a person runs it, with a known identity and nobody's configuration. */
export async function git(cwd: string, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env["PATH"],
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_COUNT: "5",
    GIT_CONFIG_KEY_0: "protocol.file.allow",
    GIT_CONFIG_VALUE_0: "always",
    GIT_CONFIG_KEY_1: "user.name",
    GIT_CONFIG_VALUE_1: "Test",
    GIT_CONFIG_KEY_2: "user.email",
    GIT_CONFIG_VALUE_2: "test@example.com",
    // So that a marker tells of our code's doing and not of the test's.
    GIT_CONFIG_KEY_3: "core.hooksPath",
    GIT_CONFIG_VALUE_3: "/dev/null",
    // It would go on in the background, also while the test's folder is removed.
    GIT_CONFIG_KEY_4: "gc.auto",
    GIT_CONFIG_VALUE_4: "0",
  };
  const { stdout } = await promisify(execFile)("git", args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  return stdout.replace(/\n$/, "");
}

/** What a file is: text, bytes, an executable, or a symlink. */
export type FileSpec = string | Buffer | { readonly run: string } | { readonly link: string };

export async function writeFiles(dir: string, files: Record<string, FileSpec>): Promise<void> {
  for (const [name, spec] of Object.entries(files)) {
    const path = join(dir, name);
    await mkdir(dirname(path), { recursive: true });
    if (typeof spec === "string" || Buffer.isBuffer(spec)) await writeFile(path, spec);
    else if ("link" in spec) await symlink(spec.link, path);
    else {
      await writeFile(path, spec.run);
      await chmod(path, 0o755);
    }
  }
}

export function makeFifo(path: string): void {
  execFileSync("sh", ["-c", 'mkfifo "$0"', path]);
}

/** A repository with one commit of these files on `main`. */
export async function makeRepository(dir: string, files: Record<string, FileSpec>): Promise<string> {
  await mkdir(dir, { recursive: true });
  await git(dir, "init", "-q", "-b", "main");
  return commitFiles(dir, files);
}

export async function commitFiles(dir: string, files: Record<string, FileSpec>, message = "change"): Promise<string> {
  await writeFiles(dir, files);
  await git(dir, "add", "-A");
  await git(dir, "commit", "-q", "--allow-empty", "-m", message);
  return git(dir, "rev-parse", "HEAD");
}

export interface Bench {
  readonly dir: string;
  /** The hub's folder of the repository. */
  readonly root: string;
  readonly source: string;
  readonly baseOid: string;
  readonly installationId: string;
}

/** A hub that has fetched a repository of these files. */
export async function makeHub(files: Record<string, FileSpec>): Promise<Bench> {
  const dir = await scratch();
  const source = join(dir, "source");
  const root = join(dir, "hub");
  const baseOid = await makeRepository(source, files);
  const installationId = randomUUID();
  await createHubRepository(root, installationId);
  await fetchUpstream(root, source, never);
  return { dir, root, source, baseOid, installationId };
}

export interface Served {
  readonly url: string;
  /** What each credential may do. */
  readonly grants: Map<string, { services: GitService[]; pushRef: string | RegExp | null }>;
}

/** Serves `<root>/upstream.git` and `<root>/jobs.git` over loopback HTTP, by credential. */
export async function serveHub(bench: Bench, maxPackBytes = 50 * 1024 * 1024): Promise<Served> {
  const hooksDir = join(bench.dir, "hub-hooks");
  await installHubHooks(hooksDir);
  const grants: Served["grants"] = new Map();
  const server = createServer((request, response) => {
    const password = Buffer.from((request.headers.authorization ?? "").replace(/^Basic /, ""), "base64")
      .toString()
      .replace(/^[^:]*:/, "");
    const grant = grants.get(password);
    const [, store = "", pathInfo = ""] = /^\/(upstream\.git|jobs\.git)(\/[^?]*)/.exec(request.url ?? "") ?? [];
    if (!grant || store === "") return void response.writeHead(401, { "www-authenticate": "Basic" }).end();
    const options = {
      repositoryPath: join(bench.root, store),
      pathInfo,
      services: grant.services,
      allowedPushRef: grant.pushRef,
      hooksDir,
      maxPackBytes,
      remoteUser: "test",
    };
    serveGit(request, response, options).catch((error) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(toSlipwayError(error).status).end(JSON.stringify(toSlipwayError(error)));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  atEnd(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, grants };
}

/** Access as a claim would carry it. `remote`: the worker is on another machine. */
export function accessOf(bench: Bench, served: Served | null, options: { remote?: boolean; pushRef?: string } = {}): HubAccess {
  const pushRef = options.pushRef ?? `refs/slipway/jobs/${randomUUID()}/1`;
  const credential = randomUUID();
  served?.grants.set(credential, { services: ["git-upload-pack", "git-receive-pack"], pushRef });
  return {
    upstreamUrl: `${served?.url ?? "http://127.0.0.1:9"}/upstream.git`,
    jobsUrl: `${served?.url ?? "http://127.0.0.1:9"}/jobs.git`,
    credential,
    pushRef,
    localPath: options.remote ? join(bench.dir, "nowhere") : bench.root,
    installationId: bench.installationId,
  };
}

/** A worker's stores beside the hub. */
export function openWorker(bench: Bench, hub = accessOf(bench, null), name = "worker"): Promise<WorkerRepository> {
  return openWorkerRepository(join(bench.dir, name), hub, never);
}

/** A workspace at the base, in a folder of its own. */
export async function makeWorkspace(bench: Bench, repository: WorkerRepository, name = "workspace", baseOid = bench.baseOid): Promise<string> {
  const workspace = join(bench.dir, name);
  await mkdir(workspace, { recursive: true });
  await addWorkspace(repository, { workspace, baseOid, withJobObjects: false, branchName: "slipway/work" });
  return workspace;
}

export interface ScriptRun {
  readonly out: string;
  readonly exitCode: number;
  readonly stderr: string;
}

/** Prepares OUT and runs the script, as the worker does in its sandbox. */
export async function runCommitScript(bench: Bench, repository: WorkerRepository, workspace: string, baseOid = bench.baseOid): Promise<ScriptRun> {
  const out = await mkdtemp(join(bench.dir, "out-"));
  await prepareCommitFolder(repository, workspace, out, baseOid);
  const env = {
    PATH: process.env["PATH"],
    WORKSPACE: workspace,
    OUT: out,
    INDEX: join(out, "index"),
    BASE_OID: baseOid,
    OBJECTS: repository.upstreamObjects.join(":"),
  };
  return new Promise((done) => {
    execFile("sh", ["-c", commitScript()], { env, cwd: "/" }, (error, _, stderr) => done({ out, exitCode: error ? Number(error.code) : 0, stderr }));
  });
}

export const LIMITS = { packBytes: 20 * 1024 * 1024, objects: 50_000 };
export const AUTHOR = { name: "Slipway", email: "slipway@example.com" };

/** The whole way from a changed workspace to a commit in jobs.git. */
export async function commitWorkspace(bench: Bench, repository: WorkerRepository, workspace: string, baseOid = bench.baseOid): Promise<TakenCommit> {
  const run = await runCommitScript(bench, repository, workspace, baseOid);
  if (run.exitCode !== 0) throw new Error(`the script failed: ${run.stderr}`);
  return takeOut(repository, run.out, baseOid);
}

export function takeOut(repository: WorkerRepository, out: string, baseOid: string, limits = LIMITS): Promise<TakenCommit> {
  return takeCommit(repository, { out, baseOid, message: "Change it", author: AUTHOR, trailers: { Job: "1" }, limits });
}

/** The commit of a workspace that has changed. */
export async function takenOid(bench: Bench, repository: WorkerRepository, workspace: string, baseOid = bench.baseOid): Promise<string> {
  const taken = await commitWorkspace(bench, repository, workspace, baseOid);
  if (taken.empty) throw new Error("nothing changed");
  return taken.oid;
}
