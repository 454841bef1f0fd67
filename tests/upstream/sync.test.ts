import { keptTips, UPSTREAM_BEFORE } from "@slipway/git/upstream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { Remote } from "../support/git-remote.ts";
import { git } from "../support/repository.ts";
import { LandingScene } from "./landing-scene.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let server: TestServer;
let remote: Remote;
beforeEach(async () => {
  [server, remote] = await Promise.all([TestServer.start(), Remote.make()]);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await remote[Symbol.asyncDispose]();
});

async function scene(upstream = {}): Promise<LandingScene> {
  const made = await LandingScene.make(server, remote, remote.bare, upstream);
  await made.sync();
  return made;
}

test("a foreign push before a landing is found before anything has landed: the change is merged anew, and nothing is lost", async () => {
  const ship = await scene({ push: "landed" });
  const first = await ship.merged("one.txt");
  const foreign = await remote.push({ "foreign.txt": "f\n" });
  await expect(ship.land(first)).rejects.toMatchObject({ code: "TARGET_MOVED" });
  expect(await ship.hubHead()).toBe(foreign);
  const landed = await ship.land(await ship.again(first));
  expect([await remote.head(), await ship.hubHead()]).toEqual([landed, landed]);
  expect(await remote.subjects()).toEqual(["Change", "Foreign", "Start"]);
});

test("by default nothing is pushed; a branch that is behind follows, and one that has both waits for a person without an error", async () => {
  const ship = await scene();
  const start = await remote.head();
  const landed = await ship.land(await ship.merged("one.txt"));
  expect([await remote.head(), await ship.hubHead()]).toEqual([start, landed]);
  expect((await ship.sync()).waiting).toEqual([]);
  await remote.push({ "foreign.txt": "f\n" });
  expect(await ship.sync()).toMatchObject({ moves: [], waiting: [{ branch: "main", state: "diverged", ahead: 1, behind: 1 }] });
  expect(await ship.hubHead()).toBe(landed);
  // Taking the address's: what gives way is kept.
  const admin = server.client("admin");
  const params = { repo: ship.repo.id };
  expect(await admin.call("resolveUpstream", { params, body: { branch: "main", take: "upstream" } })).toMatchObject({
    state: "equal",
    hubOid: await remote.head(),
  });
  expect(await git(`${ship.root}/upstream.git`, "for-each-ref", "--format=%(objectname)", "refs/slipway/hub-before/")).toBe(landed);
  await expect(admin.call("resolveUpstream", { params, body: { branch: "main", take: "hub" } })).rejects.toMatchObject({ code: "CONFLICT" });
  const foreign = await remote.push({ "more.txt": "m\n" });
  expect(await ship.sync()).toMatchObject({ moves: [{ branch: "main", what: "forwarded", oid: foreign }] });
});

test("a push that the host's hook refuses keeps the landing on the hub, says why, and goes through when the hook lets it", async () => {
  const ship = await scene({ push: "landed" });
  const start = await remote.head();
  await remote.hook('echo "GH006: Protected branch update failed" >&2; exit 1');
  const merged = await ship.merged("one.txt");
  const landed = await ship.land(merged);
  expect([await remote.head(), await ship.hubHead()]).toEqual([start, landed]);
  expect((await ship.view()).upstreamSync.error).toMatchObject({ code: "UPSTREAM_REJECTED", message: expect.stringContaining("hook declined") });
  const explain = async () => (await server.client("viewer").call("explainJob", { params: { job: merged.claimed.job.id } })).reason;
  expect(await explain()).toMatch(/It is not at the repository's address yet: the last try ended with UPSTREAM_REJECTED: .* The next try comes at 20/);
  const { branches } = await server.client("viewer").call("upstreamBranches", { params: { repo: ship.repo.id } });
  expect(branches).toMatchObject([{ branch: "main", state: "ahead", ahead: 1, behind: 0 }]);
  await expect(ship.sync()).rejects.toMatchObject({ code: "UPSTREAM_REJECTED", details: { said: [expect.stringContaining("GH006")] } });
  await remote.hook(undefined);
  // The server tries again by itself too, and may be quicker.
  await ship.sync();
  expect(await remote.head()).toBe(landed);
  expect(await explain()).toBe(`It landed on main as ${landed}.`);
});

test("where both went on while pushes were refused, it is told as diverged and one side is taken by a person's word", async () => {
  const ship = await scene({ push: "landed" });
  // Only what lands is refused: the server may try again at any moment.
  await remote.hook("while read -r _ new _; do git log -1 --format=%s $new | grep -q Foreign || exit 1; done");
  const landed = await ship.land(await ship.merged("one.txt"));
  const foreign = await remote.push({ "foreign.txt": "f\n" });
  await expect(ship.sync()).rejects.toMatchObject({
    code: "UPSTREAM_DIVERGED",
    details: { branches: ["main"], hint: expect.stringContaining("repos resolve") },
  });
  expect([await remote.head(), await ship.hubHead()]).toEqual([foreign, landed]);
  await remote.hook(undefined);
  const body = { branch: "main", take: "hub" as const };
  expect(await server.client("admin").call("resolveUpstream", { params: { repo: ship.repo.id }, body })).toMatchObject({ state: "equal" });
  expect(await remote.head()).toBe(landed);
  expect((await keptTips(ship.root, UPSTREAM_BEFORE)).map(({ oid }) => oid)).toEqual([foreign]);
});

test("a new branch is pushed by its first landing alone; what landed before pushing was the rule stays", async () => {
  const ship = await scene();
  await ship.land(await ship.merged("one.txt", "slipway/before"));
  await ship.set({ push: "landed" });
  const landed = await ship.land(await ship.merged("two.txt", "slipway/new"));
  await ship.sync();
  expect(await remote.head("slipway/new")).toBe(landed);
  expect(await git(remote.bare, "for-each-ref", "--format=%(refname:short)", "refs/heads/")).toBe("main\nslipway/new");
});

test("a rewritten history stops a branch that has what was dropped; nothing of it comes back by a push", async () => {
  const start = await remote.head();
  const ship = await scene({ push: "landed" });
  const landed = await ship.land(await ship.merged("one.txt"));
  const rewritten = await remote.rewrite(start, { "new.txt": "n\n" });
  await expect(ship.sync()).rejects.toMatchObject({ code: "UPSTREAM_DIVERGED", message: expect.stringContaining("rewritten") });
  expect([await remote.head(), await ship.hubHead()]).toEqual([rewritten, landed]);
  expect((await keptTips(ship.root, UPSTREAM_BEFORE)).map(({ oid }) => oid)).toEqual([landed]);
  // A reset back to where it was is no invitation to push it again.
  await git(remote.bare, "update-ref", "refs/heads/main", start);
  await expect(ship.sync()).rejects.toMatchObject({ code: "UPSTREAM_DIVERGED" });
  expect(await remote.head()).toBe(start);
  // A job that began on the old history still lands, on the hub.
  const job = await ship.merged("two.txt");
  const onOld = await ship.land(job);
  expect([await remote.head(), await ship.hubHead()]).toEqual([start, onOld]);
});

test("by the rule `follow` the hub goes along where nothing of its own is lost, and jobs of the old history are merged anew", async () => {
  const start = await remote.head();
  const ship = await scene({ push: "landed", onRewrite: "follow" });
  await remote.push({ "old.txt": "o\n" });
  await ship.sync();
  const job = await ship.merged("one.txt");
  const rewritten = await remote.rewrite(start, { "new.txt": "n\n" });
  expect(await ship.sync()).toMatchObject({ rewritten: ["main"], moves: [{ what: "followed", oid: rewritten }] });
  await expect(ship.land(job)).rejects.toMatchObject({ code: "TARGET_MOVED" });
});

test("by the clock, and before a job starts where the last time is too long ago", async () => {
  const ship = await scene({ syncEveryMs: 604_800_000 });
  const before = await remote.head();
  const old = await server.submit(ship.repo.id);
  await remote.push({ "foreign.txt": "f\n" });
  expect((await server.submit(ship.repo.id)).baseOid).toBe(before);
  expect(old.baseOid).toBe(before);
  await ship.set({ syncEveryMs: 5_000 });
  // The setting alone wakes the watch, and a fetch is due five seconds after the last one.
  await vi.waitFor(async () => expect((await server.submit(ship.repo.id)).baseOid).toBe(await remote.head()), { timeout: 30_000, interval: 500 });
});
