import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import pino from "pino";
import { expect, test, vi } from "vitest";
import { TOKEN } from "../support/forge/git-host.ts";
import { ForgeScene } from "./forge-scene.ts";

vi.setConfig({ testTimeout: 60_000 });

test("while a branch is pushed the credential is in no process's arguments, and afterwards in no log, row, event or answer", async () => {
  const lines: string[] = [];
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const log = pino({ level: "trace" }, sink);
  await using scene = await ForgeScene.open({ server: { log } });
  const seen = join(scene.host.bare, "seen");
  // The pattern does not fit itself.
  await scene.host.setHook(`grep -la "${TOKEN.slice(0, -1)}[${TOKEN.slice(-1)}]" /proc/[0-9]*/cmdline >"${seen}" 2>/dev/null\ntouch "${seen}-too"\nexit 0`);
  const { job } = await scene.delivered();
  expect(job.state).toBe("done");
  expect(await readFile(seen, "utf8")).toBe("");
  expect(await readFile(`${seen}-too`, "utf8")).toBe("");
  const base64 = Buffer.from(`x-access-token:${TOKEN}`).toString("base64");
  const shown = (await scene.shown(job.id)) + lines.join("") + (await readFile(join(scene.server.data, "server", "slipway.db"), "latin1"));
  for (const secret of [TOKEN, base64]) expect(shown).not.toContain(secret);
  expect(lines.length).toBeGreaterThan(0);
});

test("a file of the secret that others can read is refused, with what to type, and nothing of it is said", async () => {
  await using scene = await ForgeScene.open();
  const { job: finished } = await scene.finished({ "b.txt": "b\n" });
  await chmod(join(scene.server.data, "secrets", "server", "HOST_TOKEN"), 0o644);
  await scene.integrate();
  const { job } = await scene.ended(finished.id);
  expect(job).toMatchObject({ state: "blocked", failure: { code: "FORGE_TOKEN_MISSING", details: { hint: expect.stringContaining("chmod 600") } } });
  expect(await scene.shown(job.id)).not.toContain(TOKEN);
});

test("a private repository that names no credential is read with that of its git host", async () => {
  await using scene = await ForgeScene.open({ token: null });
  scene.host.isPrivate = true;
  const sync = async () => await scene.server.client("admin").call("syncRepository", { params: { repo: scene.repo.id }, body: {} });
  await expect(sync()).rejects.toMatchObject({ code: "UPSTREAM_AUTH" });
  await scene.setToken(TOKEN);
  expect((await sync()).branches.map(({ branch }) => branch)).toEqual(["main"]);
});

test("without a git host a branch is pushed with the credential that its repository names", async () => {
  await using scene = await ForgeScene.open({ landing: "landing: {mode: branch}\n", token: null, server: { forges: {} } });
  scene.host.isPrivate = true;
  await scene.setToken(TOKEN);
  await scene.server.client("admin").call("updateRepository", { params: { repo: scene.repo.id }, body: { upstream: { credential: "HOST_TOKEN" } } });
  const { job } = await scene.delivered();
  expect(job, JSON.stringify(job.failure)).toMatchObject({ state: "done", delivery: { mode: "branch" } });
  expect(await scene.host.branches()).toMatchObject({ [job.delivery?.branch ?? ""]: job.resultOid });
});
