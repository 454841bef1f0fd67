import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newId } from "@slipway/protocol/scalars";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { type Answer, Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

let ground: Playground;
let server: TestServer;
let asAdmin: Playground;
beforeAll(async () => {
  [ground, server] = await Promise.all([Playground.make(), TestServer.start()]);
  asAdmin = await withToken(server.tokens.admin);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ground[Symbol.asyncDispose]();
});

async function withToken(token: string, of = server): Promise<Playground> {
  const file = join(ground.folder, `${newId()}.token`);
  await writeFile(file, `${token}\n`);
  return ground.with({ SLIPWAY_URL: of.url, SLIPWAY_TOKEN_FILE: file });
}

async function slipway(...args: string[]): Promise<Answer> {
  return await asAdmin.slipway(ground.folder, ...args);
}

/** What a command that must go well prints. */
async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await slipway(...args);
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

async function document(...args: string[]): Promise<never> {
  return JSON.parse(await printed(...args, "--json")) as never;
}

/** The columns of a table's head. */
function head(table: string): string[] {
  return (table.split("\n")[0] ?? "").trim().split(/ {2,}/);
}

test("an empty server's lists say that they are empty and what to do", async () => {
  await using empty = await TestServer.start();
  const there = await withToken(empty.tokens.admin, empty);
  for (const [command, words] of [
    ["repos", "slipway run"],
    ["workers", "slipway up"],
    ["jobs", "slipway run"],
  ] as const) {
    const { code, stdout } = await there.slipway(ground.folder, command);
    expect([code, stdout.split("\n").length]).toEqual([0, 1]);
    expect(stdout).toMatch(/^No /);
    expect(stdout).toContain(words);
  }
});

test("repos: add, list, show, set, sync", async () => {
  const { source } = await server.repository();
  expect(await printed("repos", "add", "ship", source.root, "--max-running", "2")).toContain("slipway repos sync ship");
  const list = await printed("repos");
  expect(head(list)).toEqual(["repository", "branch", "running", "since", "address"]);
  expect(list).toMatch(/^ship +main +0\/2 +just now|^ship +main +0\/2 +\d+ s ago/m);
  const { repositories } = (await document("repos", "list")) as { repositories: Array<Record<string, unknown>> };
  expect(repositories.find(({ name }) => name === "ship")).toMatchObject({
    url: source.root,
    maxRunning: 2,
    running: 0,
    createdAt: expect.stringMatching(ISO),
  });

  expect(await printed("repos", "sync", "ship")).toMatch(/fetched 1 branch of ship\n {2}[0-9a-f]{12} {2}.*main/);
  expect(await printed("repos", "set", "ship", "--max-running", "7")).toContain("at most 7 jobs at once");
  expect(await printed("repos", "show", "ship")).toContain("0 of at most 7");
  expect(await document("repos", "show", "ship")).toMatchObject({ maxRunning: 7, defaultBranch: "main" });

  const hosts = join(ground.folder, "hosts");
  await writeFile(hosts, "git.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4Dn3tGm1mOxQ0b9xLr7lQy8b6m6m0l0pQxS0vXn3kE\n");
  await printed(
    "repos",
    "set",
    "ship",
    "--push",
    "landed",
    "--sync-every",
    "5m",
    "--credential",
    "SHIP_TOKEN",
    "--known-hosts",
    hosts,
    "--on-rewrite",
    "follow",
  );
  await printed("repos", "set", "ship", "--day-budget-tokens", "5m");
  await printed("repos", "set", "ship", "--day-budget-tokens", "none");
  expect(((await document("repos", "show", "ship")) as { dayBudget: object }).dayBudget).toEqual({});
  const shown = await printed("repos", "show", "ship");
  expect(shown).toMatch(/upstream +fetched every 5 min 00 s, what lands is pushed, a rewritten history is followed/);
  expect(shown).toMatch(/credential +SHIP_TOKEN, with known hosts of its own/);
  await printed("repos", "set", "ship", "--push", "never", "--sync-every", "none", "--credential", "none", "--known-hosts", "none", "--on-rewrite", "stop");
  expect(await document("repos", "show", "ship")).toMatchObject({
    upstream: { push: "never", onRewrite: "stop", syncEveryMs: null, credential: null, knownHosts: null },
    upstreamSync: { error: null },
    branches: [],
  });

  for (const [args, code, words] of [
    [["repos", "set", "ship"], 2, "nothing to change"],
    [["repos", "set", "ship", "--sync-every", "1s"], 2, "from 5s to 7d"],
    [["repos", "set", "ship", "--credential", "ghp_x/y"], 2, "name of a secret"],
    [["repos", "set", "ship", "--known-hosts", "/nowhere"], 2, "cannot be read"],
    [["repos", "set", "ship", "--known-hosts", `${source.root}/a.txt`], 2, "holds no keys of hosts"],
    [["repos", "resolve", "ship", "--branch", "main", "--take", "theirs"], 2, "Allowed choices"],
    [["repos", "resolve", "ship", "--branch", "main", "--take", "hub"], 2, "no branch main"],
    [["repos", "add", "open", "https://bot:hush@git.example.org/x.git"], 2, "--credential"],
    [["repos", "show", "boat"], 2, "There is no repository boat"],
    [["repos", "add", "-x", "/nowhere"], 2, "unknown option"],
    [["repos", "add", "/x", "/nowhere"], 2, "letters, digits"],
    [["repos", "add", "ship", "/elsewhere"], 2, "another address"],
    [["repos", "remove", "ship"], 2, "too many arguments"],
  ] as const) {
    const answer = await slipway(...args);
    expect([args, answer.code, answer.stdout]).toEqual([args, code, ""]);
    expect(answer.stderr).toContain(words);
  }
});

test("workers: away, connected, what they run; filters, and drain by name", async () => {
  const id = await server.worker(["backend:script"], "none");
  const list = await printed("workers");
  expect(head(list)).toEqual(["worker", "state", "slots", "sandbox", "workspaces", "version", "backends", "jobs"]);
  expect(list).toMatch(new RegExp(`^worker-${id.slice(-4)} +away, seen (just now|\\d+ s ago) +0/4 +none +\\?`, "m"));
  const signals = new AbortController();
  const opened = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const signal of server.client("worker").signals(id, { signal: signals.signal, onOpen: opened.resolve })) return signal;
    return undefined;
  })();
  await opened.promise;
  expect(await printed("workers", "--state", "connected")).toMatch(/ connected +0\/4/);
  expect(await document("workers", "list", "--state", "connected")).toMatchObject({
    workers: [{ id, state: "connected", slots: 4, backends: [], running: [], lastSeenAt: expect.stringMatching(ISO) }],
  });
  expect(await printed("workers", "--backend", "codex")).toMatch(/^None of the \d+ workers? fits/);

  const name = `worker-${id.slice(-4)}`;
  expect(await printed("workers", "cordon", name, "--reason", "a new disk")).toContain(`${name} takes no jobs: it runs none`);
  expect(await printed("workers", "--state", "cordoned")).toMatch(/ cordoned by .*: a new disk +0\/4/);
  expect(await document("workers", "--state", "cordoned")).toMatchObject({ workers: [{ id, cordon: { reason: "a new disk" } }] });
  expect(await printed("workers", "uncordon", name)).toBe(`${name} takes jobs again`);
  expect(await printed("workers", "uncordon", name)).toBe(`${name} was not cordoned`);
  expect((await slipway("workers", "cordon", "nobody")).stderr).toContain('There is no worker "nobody"');

  expect(await printed("workers", "drain", `worker-${id.slice(-4)}`)).toBe("drain complete, 0 active jobs");
  expect(await reading).toEqual({ type: "drain" });
  signals.abort();
  expect(await document("workers", "--state", "connected")).not.toMatchObject({ workers: [{ id }] });
  expect((await slipway("workers", "drain", "nobody")).stderr).toContain('There is no worker "nobody"');
});

test("token: made and shown once, listed without it, good for its role and time, revoked by name", async () => {
  const made = await slipway("token", "create", "--role", "submitter", "--name", "ci of ship", "--expires", "30d");
  expect(made.code).toBe(0);
  expect(made.stdout).toMatch(/^slip_[\w-]{43}$/);
  expect(made.stderr).toContain("slipway token revoke");
  const ci = await withToken(made.stdout);
  expect((await ci.slipway(ground.folder, "jobs")).code).toBe(0);
  const refused = await ci.slipway(ground.folder, "token");
  expect([refused.code, refused.stdout]).toEqual([5, ""]);
  expect(refused.stderr).toMatch(/^error FORBIDDEN: A token of the role submitter may not do this/);

  const list = await printed("token", "list", "--role", "submitter");
  expect(head(list)).toEqual(["id", "role", "used", "ends", "name"]);
  expect(list).toMatch(/submitter +(just now|\d+ s ago) +in (29|30) d +ci of ship$/m);
  expect(list).not.toContain(made.stdout);
  const documented = (await document("token", "create", "--role", "viewer", "--name", "json")) as { token: string; view: object };
  expect(documented).toMatchObject({
    token: expect.stringMatching(/^slip_/),
    view: { role: "viewer", expiresAt: null, createdAt: expect.stringMatching(ISO) },
  });

  expect(await printed("token", "revoke", "ci of ship")).toBe('revoked the token "ci of ship" (submitter)');
  expect((await ci.slipway(ground.folder, "jobs")).stderr).toMatch(/^error UNAUTHENTICATED/);
  for (const [args, words] of [
    [["token", "revoke", "ci of ship"], "There is no token"],
    [["token", "create", "--name", "x"], "--role"],
    [["token", "create", "--role", "king", "--name", "x"], "Allowed choices"],
    [["token", "create", "--role", "viewer", "--name", "x", "--expires", "soon"], "time from now such as 30m"],
  ] as const) {
    const answer = await slipway(...args);
    expect([args, answer.code]).toEqual([args, 2]);
    expect(answer.stderr).toContain(words);
  }
  const help = await printed("token", "--help");
  for (const role of ["admin", "submitter", "viewer", "worker", "integrator", "gateway"]) expect(help).toMatch(new RegExp(`^  ${role} +\\w`, "m"));
});

test("jobs: by backend, in pages or all at once; show and audit tell who did what", async () => {
  const { view } = await server.repository();
  const first = await server.submit(view.name);
  for (let job = 0; job < 2; job += 1) await server.submit(view.name);
  await printed("cancel", String(first.number));
  await printed("retry", String(first.number));
  const numbers = async (...args: string[]) =>
    ((await document("jobs", "--repo", view.name, ...args)) as { jobs: Array<{ number: number }> }).jobs.map(({ number }) => number);
  const n = first.number;
  expect(await numbers("--all")).toEqual([n + 3, n + 2, n + 1, n]);
  expect(await numbers("--limit", "2")).toEqual([n + 3, n + 2]);
  expect(await numbers("--backend", "script", "--state", "cancelled")).toEqual([n]);
  expect(await numbers("--backend", "codex")).toEqual([]);
  expect(await numbers("--who", "submitter")).toEqual([n + 2, n + 1, n]);
  expect(await numbers("--search", `#${n}`)).toEqual([n]);
  expect(await numbers("--search", "IT do", "--since", "1h")).toEqual([n + 3, n + 2, n + 1, n]);
  expect(await numbers("--code", "CANCELLED", "--code", "GATES_FAILED")).toEqual([n]);
  expect(await numbers("--worker", "nobody")).toEqual([]);
  expect(await printed("jobs", "--backend", "codex")).toMatch(/^No such jobs: leave a filter out/);
  const { jobs } = (await document("jobs", "--limit", "1")) as { jobs: unknown[] };
  expect(jobs).toEqual([expect.objectContaining({ createdAt: expect.stringMatching(ISO), updatedAt: expect.stringMatching(ISO), endedAt: null })]);
  expect(await document("show", String(n))).toMatchObject({ job: { endedAt: expect.stringMatching(ISO) }, acts: [{ at: expect.stringMatching(ISO) }, {}, {}] });
  expect(await document("explain", String(n + 3))).toMatchObject({ deadline: expect.stringMatching(ISO) });
  expect(await printed("jobs", "--limit", "1")).toMatch(/^More: --cursor \S+ with the same options, or --all$/m);
  expect((await slipway("jobs", "--all", "--limit", "5")).stderr).toContain("cannot be used with option");

  const shown = await printed("show", String(n));
  const by = shown.slice(shown.indexOf("\nby\n"));
  expect(by).toMatch(
    /submitted {2}submitter \(submitter\) .*\n {2}cancelled {2}admin of this machine \(admin\) .*\n {2}retried {4}admin of this machine \(admin\) .* as job \d+/,
  );
  expect(await printed("show", String(n + 3))).toMatch(new RegExp(`retried {4}admin of this machine \\(admin\\) .* as a new try of job ${n}`));

  const audit = await printed("audit", "--job", String(n));
  expect(head(audit)).toEqual(["when", "who", "action", "what", "outcome", "from"]);
  const rows = audit
    .split("\n")
    .slice(1)
    .filter((line) => line.startsWith("just now") || line.includes(" ago"));
  expect(rows.map((row) => /(submit|cancel|retry)Job/.exec(row)?.[0])).toEqual(["retryJob", "cancelJob", "submitJob"]);
  expect(rows[0]).toContain(`job ${n} → ${n + 3}`);
  const entry = {
    action: "cancelJob",
    token: { name: "admin of this machine", role: "admin" },
    object: { kind: "job", name: String(n) },
    address: "127.0.0.1",
  };
  expect(await document("audit", "--job", String(n), "--action", "cancelJob", "--since", "2d")).toMatchObject({
    entries: [{ ...entry, at: expect.stringMatching(ISO), lastAt: expect.stringMatching(ISO), outcome: "ok", count: 1 }],
    nextCursor: null,
  });
  expect(await printed("audit", "--who", "somebody")).toMatch(/^Nothing of that kind/);
  expect(await document("audit", "--since", "2999-01-01")).toMatchObject({ entries: [] });
  expect(await printed("audit", "--limit", "1")).toMatch(/^More: slipway audit --limit 1 --cursor \S+$/m);
});
