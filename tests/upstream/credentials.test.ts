import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { TestAuthority } from "../support/authority.ts";
import { Remote, SshHost, WebHost, whyNoSshd } from "../support/git-remote.ts";
import { git } from "../support/repository.ts";
import { LandingScene, putSecret, putSecretFile } from "./landing-scene.ts";

// A machine without sshd tries the rest; the suite of all machines has one.
const noSshd = whyNoSshd();
if (noSshd !== undefined) console.warn(`left out: tests of repositories over ssh: ${noSshd}`);
const onSsh = noSshd === undefined ? test : undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Shown to nobody but the host. */
const TOKEN = "sw-hush-hush-4711";

let authority: TestAuthority;
let server: TestServer;
let remote: Remote;
let web: WebHost;
let https: string;
beforeAll(async () => {
  authority = await TestAuthority.make();
  [server, remote] = [await TestServer.start({ extraCaCerts: authority.file }), await Remote.make()];
  web = await WebHost.serve(remote);
  https = await authority.inFrontOf(web.url);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await web[Symbol.asyncDispose]();
  await remote[Symbol.asyncDispose]();
  await authority[Symbol.asyncDispose]();
});

test("https: a token from the server's secrets fetches and pushes; missing, wrong, expired and read-only ones each say so", async () => {
  web.tokens.add(TOKEN);
  const scene = await LandingScene.make(server, remote, https);
  await expect(scene.sync()).rejects.toMatchObject({ code: "UPSTREAM_AUTH", details: { hint: expect.anything() } });

  await scene.set({ credential: "SHIP_TOKEN" });
  await expect(scene.sync()).rejects.toMatchObject({ code: "UPSTREAM_AUTH", message: expect.stringContaining("SHIP_TOKEN") });
  await putSecret(server, "SHIP_TOKEN", TOKEN);
  expect(await scene.sync()).toMatchObject({ branches: [{ branch: "main", oid: await remote.head() }] });
  expect(web.asked.at(-1)).toBe(`x-access-token:${TOKEN}`);
  await putSecret(server, "SHIP_TOKEN", `ship-bot:${TOKEN}`);
  await scene.sync();
  expect(web.asked.at(-1)).toBe(`ship-bot:${TOKEN}`);

  await scene.set({ push: "landed" });
  const landed = await scene.land(await scene.merged("by-https.txt"));
  expect(await remote.head()).toBe(landed);

  // It expires; what lands meanwhile stays on the hub and is pushed when there is a good one again.
  web.tokens.delete(TOKEN);
  const later = await scene.land(await scene.merged("later.txt"));
  expect([await remote.head(), await scene.hubHead()]).toEqual([landed, later]);
  expect((await scene.view()).upstreamSync).toMatchObject({ error: { code: "UPSTREAM_AUTH" }, nextAt: expect.any(Number) });
  web.readers.add(TOKEN);
  await expect(scene.sync()).rejects.toMatchObject({ code: "UPSTREAM_AUTH" });
  web.readers.delete(TOKEN);
  web.tokens.add(TOKEN);
  // The server tries again by itself too, and may be quicker.
  expect(await scene.sync()).toMatchObject({ waiting: [] });
  expect(await remote.head()).toBe(later);
  expect((await scene.view()).upstreamSync).toMatchObject({ error: null, failures: 0 });
  expect(JSON.stringify(await scene.view())).not.toContain(TOKEN);
});

test("https: an authority that nobody named, a repository that is not there, a password in the address", async () => {
  web.tokens.add(TOKEN);
  await putSecret(server, "SHIP_TOKEN", TOKEN);
  await using stranger = await TestAuthority.make();
  const unknown = await LandingScene.make(server, remote, await stranger.inFrontOf(web.url), { credential: "SHIP_TOKEN" });
  await expect(unknown.sync()).rejects.toMatchObject({ code: "UPSTREAM_HOST_UNKNOWN" });
  const renamed = await LandingScene.make(server, remote, https.replace("ship.git", "boat.git"), { credential: "SHIP_TOKEN" });
  await expect(renamed.sync()).rejects.toMatchObject({ code: "UPSTREAM_NOT_FOUND" });
  const refused = server.client("submitter").call("createRepository", { body: { name: "open", url: https.replace("://", `://bot:${TOKEN}@`) } });
  const error = await refused.catch((caught: unknown) => caught as Error & { details: object });
  expect(error).toMatchObject({ code: "INVALID_REQUEST", details: { field: "url", hint: expect.stringContaining("--credential") } });
  expect(`${error}${JSON.stringify(error)}`).not.toContain(TOKEN);
});

onSsh?.("ssh: a deploy key and a known host fetch and push; an unknown host, another one and a key that is not let in each say so", async () => {
  await using host = await SshHost.start();
  const url = host.urlOf(remote);
  await putSecretFile(server, "DEPLOY_KEY", host.key("deploy"));
  await putSecretFile(server, "OTHER_KEY", host.key("other"));
  const scene = await LandingScene.make(server, remote, url, { credential: "DEPLOY_KEY" });
  await expect(scene.sync()).rejects.toMatchObject({ code: "UPSTREAM_HOST_UNKNOWN", details: { hint: expect.anything() } });
  await scene.set({ knownHosts: await host.knownHosts("other") });
  await expect(scene.sync()).rejects.toMatchObject({ code: "UPSTREAM_HOST_UNKNOWN" });
  await scene.set({ knownHosts: await host.knownHosts(), credential: "OTHER_KEY" });
  await expect(scene.sync()).rejects.toMatchObject({ code: "UPSTREAM_AUTH" });
  await scene.set({ credential: "SHIP_TOKEN" });
  await expect(scene.sync()).rejects.toMatchObject({ code: "UPSTREAM_AUTH", message: expect.stringContaining("no private key") });
  await scene.set({ credential: "DEPLOY_KEY", push: "landed" });
  expect(await scene.sync()).toMatchObject({ branches: [{ branch: "main" }] });
  const landed = await scene.land(await scene.merged("by-ssh.txt"));
  expect(await remote.head()).toBe(landed);
  const gone = await LandingScene.make(server, remote, url.replace("ship.git", "boat.git"), { credential: "DEPLOY_KEY", knownHosts: await host.knownHosts() });
  await expect(gone.sync()).rejects.toMatchObject({ code: "UPSTREAM_NOT_FOUND" });
  await host[Symbol.asyncDispose]();
  await expect(scene.sync()).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
});

test("https: where a repository names no credential, that of its host is used; its own wins", async () => {
  web.tokens.add(TOKEN);
  await using other = await TestServer.start({ extraCaCerts: authority.file, hostCredentials: { [new URL(https).host]: "HOST_TOKEN" } });
  const scene = await LandingScene.make(other, remote, https);
  await expect(scene.sync()).rejects.toMatchObject({ code: "UPSTREAM_AUTH", message: expect.stringContaining("HOST_TOKEN") });
  await putSecret(other, "HOST_TOKEN", `host-bot:${TOKEN}`);
  await scene.sync();
  expect(web.asked.at(-1)).toBe(`host-bot:${TOKEN}`);
  await putSecret(other, "SHIP_TOKEN", `ship-bot:${TOKEN}`);
  await scene.set({ credential: "SHIP_TOKEN" });
  await scene.sync();
  expect(web.asked.at(-1)).toBe(`ship-bot:${TOKEN}`);
});

onSsh?.("ssh: with the key of its host a branch is delivered to an address of ssh, and the target stays where it is", async () => {
  await using host = await SshHost.start();
  await using other = await TestServer.start({ hostCredentials: { "127.0.0.1": "DEPLOY_KEY" } });
  const scene = await LandingScene.make(other, remote, host.urlOf(remote), { knownHosts: await host.knownHosts() });
  await expect(scene.sync()).rejects.toMatchObject({ code: "UPSTREAM_AUTH" });
  // A token is for https alone: to ssh it is as if there was none.
  await putSecret(other, "DEPLOY_KEY", TOKEN);
  await expect(scene.sync()).rejects.toMatchObject({ code: "UPSTREAM_AUTH" });
  await putSecretFile(other, "DEPLOY_KEY", host.key("deploy"));
  await scene.sync();
  const main = await remote.head();
  const merged = await scene.merged("by-branch.txt", "main", { landing: "branch", title: "Mend the sail" });
  await scene.land(merged);
  const { job } = await other.client("viewer").call("getJob", { params: { job: merged.claimed.job.id }, query: { waitMs: 30_000 } });
  const branch = `slipway/${job.number}-mend-the-sail`;
  expect(job).toMatchObject({ state: "done", delivery: { mode: "branch", state: "delivered", branch, oid: merged.body.mergedOid } });
  expect(await git(remote.bare, "rev-parse", `refs/heads/${branch}`)).toBe(merged.body.mergedOid);
  expect(await remote.head()).toBe(main);
});
