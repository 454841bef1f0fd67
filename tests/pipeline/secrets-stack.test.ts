import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { allEvents, ended, logText } from "../support/jobs.ts";
import { pluginFolder, vault } from "../support/plugin-folder.ts";
import { makeRepository } from "../support/repository.ts";
import { filesWith, freshSecret, processesWith } from "../support/secret-scan.ts";
import { Stack } from "../support/stack.ts";

vi.setConfig({ testTimeout: 120_000 });

const FILES = {
  ".slipway.yaml": "version: 1\ngates:\n  - name: vault\n    run: cat left 2>/dev/null || echo clean\n",
  ".gitignore": "left\n",
};
const VARIABLES = ["SLIPWAY_BACKENDS", "SLIPWAY_SECRET_VAULT_EXTRA", "SLIPWAY_SECRET_UNRELATED"];

afterEach(() => {
  for (const name of VARIABLES) delete process.env[name];
});

test("a job whose secret is missing waits for a person, and goes on with it when it is there, without a restart", async () => {
  await using plugins = await pluginFolder({ "slipway-backend-vault": { backends: { vault: "./backend.js" }, files: { "backend.js": vault() } } });
  const [key, extra, unrelated] = [freshSecret(), freshSecret(), freshSecret()];
  // Below a folder that sandboxes are shown, and behind a link: hidden from them all the same.
  const folder = join(plugins.path, "shown/secrets");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  symlinkSync(folder, join(plugins.path, "link"));
  Object.assign(process.env, { SLIPWAY_BACKENDS: plugins.path, SLIPWAY_SECRET_VAULT_EXTRA: extra, SLIPWAY_SECRET_UNRELATED: unrelated });
  await using stack = await Stack.start({ sandbox: "bwrap", secrets: join(plugins.path, "link") });
  await using repository = await makeRepository(FILES);
  const client = await stack.client();
  await repository.register(client, "sample");
  const body = { repo: "sample", task: "Do it", backend: "vault", backendConfig: { look: folder } };
  const { job } = await client.call("submitJob", { body });
  const blocked = (await ended(client, job.id)).job;
  expect(blocked).toMatchObject({ state: "blocked", failure: { code: "SECRET_MISSING", message: expect.stringContaining("VAULT_KEY") } });
  expect(blocked.failure?.details).toMatchObject({ secret: "VAULT_KEY", file: join(plugins.path, "link/VAULT_KEY"), variable: "SLIPWAY_SECRET_VAULT_KEY" });

  writeFileSync(join(folder, "VAULT_KEY"), `${key}\n`, { mode: 0o600 });
  await client.call("retryJob", { params: { job: job.id }, body: {} });
  expect((await ended(client, job.id)).job).toMatchObject({ state: "done" });

  const events = await allEvents(client, job.id);
  const messages = events.flatMap((event) => (event.kind === "message" ? [event.data.text] : []));
  expect(messages).toEqual(["I got VAULT_KEY VAULT_EXTRA: ***", "environments with secrets: 0", "readable there: 0"]);
  expect(logText(events, "gate:vault")).toBe("***\n");
  expect(Buffer.from(await client.artifact(job.id, "gate-vault-0.log")).toString()).toBe("***\n");
  // The tests' own parts inherit the environment; `slipway up` gives it to the worker alone.
  for (const secret of [key, extra, unrelated]) {
    expect(JSON.stringify([events, await stack.log("worker"), await stack.log("server")])).not.toContain(JSON.stringify(secret).slice(1, -1));
    expect(filesWith(stack.data, secret)).toEqual([]);
  }
  expect(processesWith(key)).toEqual([]);
  expect(
    processesWith(extra)
      .map((path) => path.split("/")[2])
      .sort(),
  ).toEqual((["server", "worker", "integrator"] as const).map((part) => String(stack.pid(part))).sort());
});
