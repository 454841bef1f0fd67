import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fetchNotes } from "@slipway/git/notes";
import { canonicalJson } from "@slipway/protocol/canonical-json";
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

const noteOf = async (dir: string, oid: string): Promise<string> => await git(dir, "notes", "--ref=slipway", "show", oid);

test("a landed commit has its statement as a note, pushed where landings are, and fetched into a checkout", async () => {
  const ship = await LandingScene.make(server, remote, remote.bare, { push: "landed" });
  await ship.sync();
  const merged = await ship.merged("one.txt");
  const landed = (await ship.land(merged)) ?? "";
  const hub = join(ship.root, "upstream.git");
  const statement = await server.client("viewer").call("jobStatement", { params: { job: merged.claimed.job.id } });
  expect(await noteOf(hub, landed)).toBe(canonicalJson(statement));
  await vi.waitFor(async () => expect(await noteOf(remote.bare, landed)).toBe(canonicalJson(statement)), { timeout: 60_000, interval: 200 });
  const address = { url: ship.repo.upstreamUrl, credential: server.tokens.submitter };
  await git(remote.clone, "fetch", "--quiet", "origin");
  expect(await fetchNotes(remote.clone, address)).toBe(true);
  expect(await git(remote.clone, "log", "-1", "--notes=slipway", "--format=%N", "origin/main")).toBe(canonicalJson(statement));
});

test("a note that a kill has cost is written at the next start, and one that is there stays as it is", async () => {
  const ship = await LandingScene.make(server, remote, remote.bare);
  await ship.sync();
  const landed = (await ship.land(await ship.merged("one.txt"))) ?? "";
  const hub = join(ship.root, "upstream.git");
  const before = await noteOf(hub, landed);
  await server.server.close();
  await git(hub, "update-ref", "-d", "refs/notes/slipway");
  await rm(join(hub, "refs/notes"), { recursive: true, force: true });
  await server.restart();
  expect(await noteOf(hub, landed)).toBe(before);
  const tip = await git(hub, "rev-parse", "refs/notes/slipway");
  await server.restart();
  expect(await git(hub, "rev-parse", "refs/notes/slipway")).toBe(tip);
});

test("somebody else's notes at the address are left as they are", async () => {
  const ship = await LandingScene.make(server, remote, remote.bare, { push: "landed" });
  await git(remote.clone, "notes", "--ref=slipway", "add", "-m", "theirs");
  await git(remote.clone, "push", "--quiet", "origin", "refs/notes/slipway");
  await ship.sync();
  const landed = await ship.land(await ship.merged("one.txt"));
  await ship.sync();
  expect(await remote.head()).toBe(landed);
  expect(await noteOf(remote.bare, await git(remote.clone, "rev-parse", "HEAD"))).toBe("theirs");
});
