import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { notificationTargetsSchema } from "@slipway/protocol/notifications";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { Webhook } from "../server/webhook.ts";
import { Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let plain: Playground;
let ground: Playground;
let hook: Webhook;
let server: TestServer;
beforeAll(async () => {
  plain = await Playground.make();
  hook = await Webhook.start();
  const receivers = [
    { name: "team", url: hook.url, format: "slack", events: ["needs-you", "failed"], repositories: ["ship"] },
    { name: "pager", secret: "PAGER_URL" },
  ];
  server = await TestServer.start({ notifications: notificationTargetsSchema.parse(receivers) });
  const token = join(plain.folder, "admin.token");
  await writeFile(token, server.tokens.admin, { mode: 0o600 });
  ground = plain.with({ SLIPWAY_URL: server.url, SLIPWAY_TOKEN_FILE: token });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await hook?.[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
});

test("a sample says what arrived and what to type where it did not, and ends with 5 then", async () => {
  const tried = await ground.slipway(plain.folder, "notifications", "test");
  expect(tried.code).toBe(5);
  expect(tried.stdout).toMatch(/^✓ team took it, in \d/m);
  expect(tried.stdout.replace(/\n {2}/g, " ")).toMatch(/^✗ The address of pager is missing: there is no secret PAGER_URL\. Type .*mkdir -p .*secrets\/server/m);
  expect(hook.hits).toHaveLength(1);
  const folder = join(server.data, "secrets", "server");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "PAGER_URL"), hook.url, { mode: 0o600 });
  const again = await ground.slipway(plain.folder, "notifications", "test", "pager", "--json");
  expect(again.code).toBe(0);
  expect(JSON.parse(again.stdout)).toEqual({ receivers: [{ name: "pager", problem: null, tookMs: expect.any(Number) }] });
  const unknown = await ground.slipway(plain.folder, "notifications", "test", "nobody");
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain("Known are: team, pager.");
});

test("the receivers are listed, and doctor tells of them", async () => {
  const { stdout } = await ground.slipway(plain.folder, "notifications");
  expect(stdout).toMatch(/^team +slack +needs-you, failed of ship/m);
  expect(stdout).toMatch(/^pager +json +needs-you/m);
  const doctor = await ground.slipway(plain.folder, "doctor", "--json");
  const { checks } = JSON.parse(doctor.stdout) as { checks: Array<{ name: string; ok: boolean; found: string }> };
  expect(checks.filter(({ name }) => name === "notifications")).toEqual([
    expect.objectContaining({ ok: true, found: "team is told of needs-you, failed" }),
    expect.objectContaining({ ok: true, found: "pager is told of needs-you" }),
  ]);
});

test("a file that names a receiver wrongly says where, and nothing of a secret address", async () => {
  const file = join(plain.folder, "wrong.yaml");
  await writeFile(file, "notifications:\n  - name: team\n    url: https://hooks.slack.com/services/T0/B0/very-secret\n");
  const wrong = plain.with({ SLIPWAY_CONFIG: file });
  const { code, stdout } = await wrong.slipway(plain.folder, "config", "check");
  expect(code).toBe(2);
  expect(stdout).toContain("wrong.yaml:3:10: notifications[0].url: expected `secret` in its place");
  for (const args of [["config", "check"], ["config", "check", "--json"], ["doctor"], ["config"], ["up"]]) {
    const answer = await wrong.slipway(plain.folder, ...args);
    expect(answer.stdout + answer.stderr).not.toContain("very-secret");
  }
  const variable = { SLIPWAY_NOTIFICATIONS: '[{"name": "team", "url": "https://hooks.slack.com/services/T0/B0/very-secret"}]' };
  const refused = await plain.with(variable).slipway(plain.folder, "up");
  expect(refused.stderr).toContain("SLIPWAY_NOTIFICATIONS in the environment: expected `secret` in its place");
  expect(refused.stderr).not.toContain("very-secret");
});
