import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Asked, TOKEN } from "../support/forge/git-host.ts";
import { GithubHost } from "../support/forge/github-host.ts";
import { LandingBench } from "../support/landing-bench.ts";
import { git } from "../support/repository.ts";

// Each test starts several processes; a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const CONFIG = "landing: {mode: pr, branch: 'agents/{slug}', pullRequest: {labels: [agent]}}\ngates:\n  - name: test\n    run: node --test\n";

let host: GithubHost;
let bench: LandingBench;

beforeEach(async () => {
  host = await GithubHost.start();
  const forges = { [host.host]: { kind: "github", baseUrl: host.baseUrl, token: "HOST_TOKEN" } };
  bench = await LandingBench.open(
    { ".slipway.yaml": CONFIG, "a.txt": "one\n" },
    {
      serverFlags: ["--forges", JSON.stringify(forges)],
      address: async (repository) => {
        await git(repository.root, "push", "--quiet", host.bare, "main");
        return host.url;
      },
    },
  );
  const folder = join(bench.data, "secrets", "server");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, "HOST_TOKEN"), TOKEN, { mode: 0o600 });
});

afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

const moments: Array<{ step: string; at: (asked: Asked) => boolean; acts: "before" | "after" }> = [
  { step: "the branch is pushed, and its pull request not asked for", at: ({ method, path }) => method === "GET" && path.endsWith("/pulls"), acts: "before" },
  { step: "the pull request is about to be opened", at: ({ method, path }) => method === "POST" && path.endsWith("/pulls"), acts: "before" },
  { step: "the pull request is open, and the server does not know", at: ({ method, path }) => method === "POST" && path.endsWith("/pulls"), acts: "after" },
  { step: "the pull request is open and gets its labels", at: ({ method, path }) => method === "POST" && path.endsWith("/labels"), acts: "after" },
];

test.each(moments)("kill -9 of the server when $step: one branch, one pull request, the job is done", async ({ at, acts }) => {
  const killed = Promise.withResolvers<void>();
  let isArmed = true;
  host.fault = async (asked) => {
    if (!isArmed || !at(asked)) return undefined;
    isArmed = false;
    // `after`: the host has done it, and the answer reaches nobody.
    if (acts === "after") await host.carryOut(asked);
    await bench.killServer();
    killed.resolve();
    return { status: 500, body: {} };
  };
  const id = await bench.finishedJob("main", { "b.txt": "b\n" });
  await bench.startIntegrator();
  await killed.promise;
  await bench.startServer();
  const { job } = await bench.ended(id);
  expect(job).toMatchObject({ state: "done", landing: "pr", delivery: { branch: "agents/change-b-txt", pullRequest: { number: 1, state: "open" } } });
  expect(host.scripted.pulls).toMatchObject([{ state: "open", labels: ["agent"] }]);
  expect(await host.branches()).toEqual({ main: expect.any(String), "agents/change-b-txt": job.delivery?.oid });
  expect(bench.verified).toEqual([job.delivery?.oid]);
});

test("kill -9 of the server in the middle of the push: one branch, one pull request", async () => {
  // A hook of the host holds the push, and the server dies meanwhile; the host takes the branch all the same.
  await host.setHook(`touch "${join(bench.data, "pushing")}"; while [ ! -e "${join(bench.data, "go-on")}" ]; do sleep 0.05; done`);
  const id = await bench.finishedJob("main", { "b.txt": "b\n" });
  await bench.startIntegrator();
  await bench.seen(join(bench.data, "pushing"));
  await bench.killServer();
  await writeFile(join(bench.data, "go-on"), "");
  await bench.startServer();
  const { job } = await bench.ended(id);
  expect(job).toMatchObject({ state: "done", delivery: { branch: "agents/change-b-txt", pullRequest: { number: 1 } } });
  expect(Object.keys(await host.branches()).sort()).toEqual(["agents/change-b-txt", "main"]);
  expect(host.scripted.pulls).toHaveLength(1);
});
