import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TOKEN } from "../support/forge/git-host.ts";
import { GithubHost } from "../support/forge/github-host.ts";
import { git, Playground } from "./slipway.ts";

// Each command is a process of its own.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

let ground: Playground;
let host: GithubHost;
let greet: string[];

beforeAll(async () => {
  host = await GithubHost.start();
  ground = await Playground.make();
  const forges = { [host.host]: { kind: "github", baseUrl: host.baseUrl, token: "HOST_TOKEN" } };
  const folder = join(ground.data, "secrets", "server");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, "HOST_TOKEN"), TOKEN, { mode: 0o600 });
  const up = ground.with({ SLIPWAY_FORGES: JSON.stringify(forges) }).start(ground.folder, "up", "--port", "0", ...(await ground.sandbox()));
  await up.says("slipway jobs");
  greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
});

afterAll(async () => {
  await ground[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

test("run opens a pull request at the checkout's origin and says where; show and jobs tell it, and `pr close` closes it", async () => {
  const root = await ground.repository("with-origin", {
    ".slipway.yaml": "landing:\n  branch: 'agents/{ticket}'\n  mode: pr\ngates:\n  - {name: test, run: test -f README.md}\n",
  });
  await host.git("fetch", "--quiet", root, "main:main");
  await git(root, "remote", "add", "origin", host.url);
  const { code, stdout, stderr } = await ground.slipway(root, "run", "Write a greeting", "--ticket", "SEA-7", ...greet);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain(`✓ pull request ${host.origin}/ship/sea/pull/1`);
  expect(stdout).toContain("on agents/SEA-7, to be merged into main");
  expect(await host.git("show", "agents/SEA-7:greeting.txt")).toBe("hello");
  const shown = (await ground.slipway(root, "show", "1")).stdout;
  expect(shown).toMatch(/branch +agents\/SEA-7 \(delivered\)/);
  expect(shown).toMatch(/pull +http.*\/pull\/1 \(open\)/);
  expect((await ground.slipway(root, "jobs")).stdout).toMatch(/#1 open/);
  expect((await ground.slipway(root, "explain", "1")).stdout).toContain("Its pull request is open");
  expect((await ground.slipway(root, "pr", "sync", "1")).stdout).toContain("Nobody asks for anything.");
  expect((await ground.slipway(root, "pr", "close", "1")).stdout).toContain("is closed");
  expect(host.scripted.pull(1)?.state).toBe("closed");
});

test("run --landing none leaves the commit on the hub; where no origin is, a pull request is refused with what to do", async () => {
  const root = await ground.repository("no-origin");
  const none = await ground.slipway(root, "run", "Write a greeting", "--landing", "none", ...greet);
  expect([none.code, none.stderr]).toEqual([0, ""]);
  expect(none.stdout).toContain("is on the hub; nothing was to land");
  const refused = await ground.slipway(root, "run", "Write a greeting", "--landing", "pr", ...greet);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("remote `origin`");
});
