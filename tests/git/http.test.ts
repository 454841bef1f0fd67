import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { pushBase } from "@slipway/git/checkout";
import { hasCommit, resolveCommit } from "@slipway/git/hub";
import { fetchCommit, pushCommit } from "@slipway/git/repository";
import { fetchUpstream } from "@slipway/git/upstream";
import { expect, test } from "vitest";
import { accessOf, type Bench, commitFiles, git, makeHub, makeWorkspace, never, openWorker, type Served, serveHub, takenOid, writeFiles } from "./fixture.ts";

async function pushedJob(bench: Bench, served: Served, content = "job"): Promise<{ oid: string; ref: string; blob: string }> {
  const hub = accessOf(bench, served);
  const repository = await openWorker(bench, hub, `pusher-${content}`);
  const workspace = await makeWorkspace(bench, repository, `ws-${content}`);
  await writeFiles(workspace, { secret: content });
  const oid = await takenOid(bench, repository, workspace);
  await pushCommit(repository, hub, oid, undefined, never);
  return { oid, ref: hub.pushRef, blob: await git(join(bench.root, "jobs.git"), "rev-parse", `${oid}:secret`) };
}

/** Git as an attacker with a credential would call it. */
async function gitWith(credential: string, cwd: string, ...args: string[]): Promise<{ ok: boolean; text: string }> {
  const header = `http.extraHeader=Authorization: Basic ${Buffer.from(`x:${credential}`).toString("base64")}`;
  const env = { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" };
  return promisify(execFile)("git", ["-c", header, ...args], { cwd, env }).then(
    ({ stdout, stderr }) => ({ ok: true, text: stdout + stderr }),
    (error) => ({ ok: false, text: `${error.stdout}${error.stderr}` }),
  );
}

test("a worker on another machine fetches, commits and pushes over HTTP", async () => {
  const bench = await makeHub({ a: "1", "dir/b": "2" });
  const served = await serveHub(bench);
  const hub = accessOf(bench, served, { remote: true });
  const repository = await openWorker(bench, hub);
  expect(repository.upstreamObjects).toEqual([join(repository.upstreamGit, "objects")]);
  await fetchCommit(repository, hub, bench.baseOid, "upstream", never);
  const workspace = await makeWorkspace(bench, repository);
  await writeFiles(workspace, { "dir/b": "3" });
  const oid = await takenOid(bench, repository, workspace);
  await pushCommit(repository, hub, oid, undefined, never);
  await pushCommit(repository, hub, oid, undefined, never);
  expect(await hasCommit(bench.root, oid)).toBe(true);
});

test("a base that no branch names any more can still be fetched", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  const hub = accessOf(bench, served, { remote: true });
  const repository = await openWorker(bench, hub);
  const dropped = await git(
    join(bench.root, "upstream.git"),
    "-c",
    "user.name=x",
    "-c",
    "user.email=x@y",
    "commit-tree",
    "-m",
    "x",
    "-p",
    bench.baseOid,
    `${bench.baseOid}^{tree}`,
  );
  await fetchCommit(repository, hub, dropped, "upstream", never);
  expect(await git(repository.upstreamGit, "cat-file", "-t", dropped)).toBe("commit");
});

test("job refs are in no listing, but a job commit comes by its id; it stays out of upstream.git", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  const job = await pushedJob(bench, served);
  const hub = accessOf(bench, served, { remote: true });
  for (const version of ["0", "2"]) {
    const listing = await gitWith(hub.credential, bench.dir, "-c", `protocol.version=${version}`, "ls-remote", hub.jobsUrl);
    expect(listing).toEqual({ ok: true, text: "" });
  }
  const repository = await openWorker(bench, hub, "other");
  await fetchCommit(repository, hub, job.oid, "jobs", never);
  expect(await git(repository.jobsGit, "cat-file", "-p", job.blob)).toBe("job");
  await expect(git(repository.upstreamGit, "cat-file", "-e", job.blob)).rejects.toThrow();
});

test("a worker whose upstream is behind pushes what is new, not all of history", async () => {
  const bench = await makeHub({ a: "1" });
  await commitFiles(bench.source, { big: (await import("node:crypto")).randomBytes(300_000) });
  const baseOid = await commitFiles(bench.source, { a: "2" });
  await fetchUpstream(bench.root, bench.source, never);
  const served = await serveHub(bench, 100_000);
  const hub = accessOf(bench, served, { remote: true });
  const repository = await openWorker(bench, hub);
  await git(bench.source, "checkout", "-q", "--orphan", "other");
  await commitFiles(bench.source, { x: "1" });
  await git(bench.source, "branch", "-q", "-D", "main");
  await fetchUpstream(bench.root, bench.source, never);
  const workspace = await makeWorkspace(bench, repository, "ws", baseOid);
  await writeFiles(workspace, { a: "3" });
  await pushCommit(repository, hub, await takenOid(bench, repository, workspace, baseOid), undefined, never);
});

test("a merge that is made again takes the place of the one before; a job's commit never does", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  const repository = await openWorker(bench);
  const oids: string[] = [];
  for (const name of ["first", "second"]) {
    const workspace = await makeWorkspace(bench, repository, name);
    await writeFiles(workspace, { a: name });
    oids.push(await takenOid(bench, repository, workspace));
  }
  const [first = "", second = ""] = oids;
  for (const [kind, allowed] of [
    ["merges", true],
    ["jobs", false],
  ] as const) {
    const hub = accessOf(bench, served, { pushRef: `refs/slipway/${kind}/x/1` });
    await pushCommit(repository, hub, first, undefined, never, { replace: true });
    const again = pushCommit(repository, hub, second, undefined, never, { replace: true });
    if (allowed) await again;
    else await expect(again).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
    expect(await git(join(bench.root, "jobs.git"), "rev-parse", hub.pushRef)).toBe(allowed ? second : first);
  }
});

test("a refusal says why", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  const hub = accessOf(bench, served);
  const repository = await openWorker(bench, hub);
  const workspace = await makeWorkspace(bench, repository);
  await writeFiles(workspace, { a: "2" });
  const oid = await takenOid(bench, repository, workspace);
  await expect(pushCommit(repository, { ...hub, credential: "x" }, oid, undefined, never)).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
  await expect(pushCommit(repository, hub, oid, "refs/heads/x", never)).rejects.toThrow(/may not push|hidden ref/);
});

test("an abort ends a fetch that hangs, with its own reason", async () => {
  const bench = await makeHub({ a: "1" });
  const hanging = createServer();
  await new Promise<void>((done) => hanging.listen(0, "127.0.0.1", done));
  const asked = once(hanging, "request");
  const controller = new AbortController();
  const reason = new Error("enough");
  const fetching = fetchUpstream(bench.root, `http://127.0.0.1:${(hanging.address() as AddressInfo).port}/x.git`, controller.signal);
  await asked;
  controller.abort(reason);
  await expect(fetching).rejects.toBe(reason);
  hanging.closeAllConnections();
  await new Promise((done) => hanging.close(done));
});

test("nothing of a job can be fetched from upstream.git", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  const job = await pushedJob(bench, served);
  const hub = accessOf(bench, served, { remote: true });
  const repository = await openWorker(bench, hub, "thief");
  for (const oid of [job.oid, job.blob]) {
    await expect(fetchCommit(repository, { ...hub, jobsUrl: hub.upstreamUrl }, oid, "jobs", never)).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
  }
});

test("a push goes to the granted ref only: no other ref, no deletion, no change of mind, no second ref beside it", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  const other = await pushedJob(bench, served);
  const hub = accessOf(bench, served);
  const clone = join(bench.dir, "clone");
  await git(bench.dir, "clone", "-q", bench.source, "clone");
  const first = await commitFiles(clone, { a: "first" });
  await git(clone, "reset", "-q", "--hard", "HEAD^");
  const second = await commitFiles(clone, { a: "second" });
  const push = (...refspecs: string[]) => gitWith(hub.credential, clone, "push", hub.jobsUrl, ...refspecs);

  for (const ref of ["refs/heads/main", other.ref, "refs/slipway/merges/x/1", `${hub.pushRef}0`, `${hub.pushRef}/x`]) {
    expect((await push(`+${first}:${ref}`)).ok, ref).toBe(false);
  }
  expect((await push(`${first}:${hub.pushRef}`, `${first}:refs/heads/x`)).ok).toBe(false);
  expect(await hasCommit(bench.root, first)).toBe(false);
  expect((await push(`${first}:${hub.pushRef}`)).ok).toBe(true);
  expect((await push(`:${hub.pushRef}`)).ok).toBe(false);
  expect((await push(`${second}:${hub.pushRef}`)).ok).toBe(false);
  expect((await push(`+${second}:${hub.pushRef}`)).ok).toBe(false);
  expect((await push(`:${other.ref}`)).ok).toBe(false);
  expect(await git(join(bench.root, "jobs.git"), "rev-parse", hub.pushRef, other.ref)).toBe(`${first}\n${other.oid}`);
});

test("a listing before a push shows nobody's refs", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  const other = await pushedJob(bench, served);
  const hub = accessOf(bench, served);
  const answer = await fetch(`${hub.jobsUrl}/info/refs?service=git-receive-pack`, {
    headers: { authorization: `Basic ${Buffer.from(`x:${hub.credential}`).toString("base64")}` },
  });
  const text = await answer.text();
  expect(answer.status).toBe(200);
  expect(text).not.toContain(other.oid);
  expect(text).not.toContain("refs/slipway");
});

test("credentials: unknown ones, read-only ones and other services are refused", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  const hub = accessOf(bench, served, { remote: true });
  const repository = await openWorker(bench, hub);
  const stranger = { ...hub, credential: "wrong" };
  await expect(fetchCommit(repository, stranger, "1".repeat(40), "upstream", never)).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
  served.grants.set("reader", { services: ["git-upload-pack"], pushRef: null });
  await expect(pushCommit(repository, { ...hub, credential: "reader" }, bench.baseOid, undefined, never)).rejects.toMatchObject({
    code: "REPOSITORY_UNREACHABLE",
  });
  const headers = { authorization: `Basic ${Buffer.from("x:reader").toString("base64")}` };
  for (const path of ["HEAD", "objects/info/packs", "info/refs", "config", "info/refs?service=git-upload-archive", "../installation", "git-upload-pack"]) {
    expect((await fetch(`${hub.upstreamUrl}/${path}`, { headers })).status, path).not.toBe(200);
  }
});

test("a base is pushed under its own id only", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  const oid = await commitFiles(bench.source, { a: "2" });
  served.grants.set("person", { services: ["git-upload-pack", "git-receive-pack"], pushRef: /refs\/slipway\/bases\/[0-9a-f]{40}/ });
  const target = { url: `${served.url}/upstream.git`, credential: "person", oid };
  await expect(pushBase(bench.source, { ...target, ref: `refs/slipway/bases/${bench.baseOid}` })).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
  await expect(pushBase(bench.source, { ...target, ref: "refs/heads/main" })).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
  await expect(pushBase(bench.source, { ...target, ref: `refs/slipway/bases/x/${oid}` })).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
  await pushBase(bench.source, { ...target, ref: `refs/slipway/bases/${oid}` });
  await pushBase(bench.source, { ...target, ref: `refs/slipway/bases/${oid}` });
  expect(await resolveCommit(bench.root, oid.slice(0, 10))).toBe(oid);
});

test("a shallow checkout can push its base", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  await commitFiles(bench.source, { a: "2" });
  const oid = await commitFiles(bench.source, { a: "3" });
  await git(bench.dir, "clone", "-q", "--depth=1", `file://${bench.source}`, "shallow");
  served.grants.set("person", { services: ["git-upload-pack", "git-receive-pack"], pushRef: "refs/slipway/bases/[0-9a-f]{40}" });
  await pushBase(join(bench.dir, "shallow"), { url: `${served.url}/upstream.git`, credential: "person", oid, ref: `refs/slipway/bases/${oid}` });
  const hub = accessOf(bench, served);
  const repository = await openWorker(bench, hub);
  const workspace = await makeWorkspace(bench, repository, "ws", oid);
  await writeFiles(workspace, { a: "4" });
  await pushCommit(repository, hub, await takenOid(bench, repository, workspace, oid), undefined, never);
});

test("a push beyond the limit is refused and leaves nothing", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench, 50_000);
  const hub = accessOf(bench, served);
  const repository = await openWorker(bench, hub);
  const workspace = await makeWorkspace(bench, repository);
  const { randomBytes } = await import("node:crypto");
  await writeFiles(workspace, { big: randomBytes(200_000) });
  const oid = await takenOid(bench, repository, workspace);
  await expect(pushCommit(repository, hub, oid, undefined, never)).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
  const clean = await openWorker(bench, accessOf(bench, served, { remote: true }), "clean");
  expect(await hasCommit(bench.root, oid)).toBe(false);
  expect(clean.dir).toContain("clean");
});

test("a compressed request is read, and a client that leaves ends its git process", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  const hub = accessOf(bench, served);
  const authorization = `Basic ${Buffer.from(`x:${hub.credential}`).toString("base64")}`;
  const line = (text: string) => (text.length + 4).toString(16).padStart(4, "0") + text;
  const body = `${line(`want ${bench.baseOid}\n`)}0000${line("done\n")}`;
  const headers = { authorization, "content-type": "application/x-git-upload-pack-request", "content-encoding": "gzip" };
  const answer = await fetch(`${hub.upstreamUrl}/git-upload-pack`, { method: "POST", headers, body: gzipSync(body) });
  expect(answer.status).toBe(200);
  expect(Buffer.from(await answer.arrayBuffer()).includes("PACK")).toBe(true);

  const url = new URL(`${hub.jobsUrl}/git-receive-pack`);
  const leaving = request(url, {
    method: "POST",
    headers: { authorization, "content-type": "application/x-git-receive-pack-request", "transfer-encoding": "chunked" },
  });
  leaving.on("error", () => undefined);
  leaving.write("00");
  await once(leaving, "socket");
  leaving.destroy();
  // The server still answers; the fixture's end would hang on a process that was left.
  expect((await fetch(`${hub.upstreamUrl}/info/refs?service=git-upload-pack`, { headers: { authorization } })).status).toBe(200);
});
