import { newId } from "@slipway/protocol/scalars";
import { openApiDocument } from "@slipway/server/http/openapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
let repo: string;
beforeAll(async () => {
  server = await TestServer.start();
  repo = (await server.repository()).view.id;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("what is wrong is named", () => {
  test.each([
    ["a missing field", "/v1/jobs", { repo: "x" }, { field: "task" }],
    ["a wrong type", "/v1/jobs", { repo: "x", task: "t", priority: "high" }, { field: "priority", value: "high" }],
    ["an unknown field", "/v1/jobs", { repo: "x", task: "t", tsk: 1 }, { field: "tsk", value: 1, expected: "no such field exists here" }],
    [
      "a wrong choice",
      "/v1/jobs",
      { repo: "x", task: "t", lane: "fast" },
      { field: "lane", value: "fast", expected: "expected one of interactive, normal, background" },
    ],
    ["a nested field", "/v1/jobs", { repo: "x", task: "t", requires: ["ok", "NOT"] }, { field: "requires.1", value: "NOT" }],
    ["a branch name", "/v1/jobs", { repo: "x", task: "t", target: "a..b" }, { field: "target", value: "a..b" }],
    ["a range", "/v1/tokens", { name: "", role: "viewer" }, { field: "name", value: "" }],
  ])("%s", async (_, path, body, details) => {
    const answer = await server.request("POST", path, { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: "INVALID_REQUEST", details } });
  });

  test("in the query, the path, the cursor and the body's form", async () => {
    expect((await server.request("GET", "/v1/jobs?limit=0")).body).toMatchObject({
      error: { code: "INVALID_REQUEST", details: { field: "limit", value: "0" } },
    });
    expect((await server.request("GET", "/v1/jobs?state=asleep")).body).toMatchObject({
      error: { details: { field: "state.0", value: "asleep", expected: expect.stringContaining("queued") } },
    });
    expect((await server.request("GET", "/v1/jobs?cursor=zzz")).body).toMatchObject({ error: { details: { field: "cursor", value: "zzz" } } });
    expect((await server.request("GET", "/v1/jobs/not-a-job")).body).toMatchObject({ error: { code: "INVALID_REQUEST", details: { field: "job" } } });
    expect((await server.request("POST", "/v1/jobs", { body: "{" })).body).toMatchObject({ error: { code: "INVALID_REQUEST" } });
    expect((await server.request("GET", "/v1/nothing")).body).toMatchObject({ error: { code: "NOT_FOUND" } });
  });

  test("a body that is too large", async () => {
    const answer = await server.request("POST", "/v1/tokens", { body: { name: "x".repeat(2_000_000), role: "viewer" } });
    expect([answer.status, answer.body]).toMatchObject([413, { error: { code: "PAYLOAD_TOO_LARGE", details: { limitBytes: 1_048_576 } } }]);
  });

  test("a repository, a job and a base that are not there", async () => {
    const submitter = server.client("submitter");
    await expect(submitter.call("submitJob", { body: { repo: "none", task: "t" } })).rejects.toMatchObject({ code: "NOT_FOUND", details: { repo: "none" } });
    await expect(submitter.call("submitJob", { body: { repo, task: "t", base: "no-such-branch" } })).rejects.toMatchObject({ code: "BASE_NOT_FOUND" });
    await expect(submitter.call("submitJob", { body: { repo, task: "t", dependsOn: [newId()] } })).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    await expect(submitter.call("getJob", { params: { job: 9_999 } })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(
      submitter
        .call("createRepository", { body: { name: "gone", url: "/no/such/repository" } })
        .then(() => submitter.call("submitJob", { body: { repo: "gone", task: "t" } })),
    ).rejects.toMatchObject({
      code: "UPSTREAM_NOT_FOUND",
    });
  });

  test("a repository's own configuration: file, line, column, key and what was expected", async () => {
    const { view } = await server.repository({ ".slipway.yaml": "version: 1\ngates:\n  - name: test\n    rum: npm test\n" });
    await expect(server.submit(view.id)).rejects.toMatchObject({
      code: "INVALID_CONFIG",
      details: {
        file: ".slipway.yaml",
        problems: expect.arrayContaining([expect.objectContaining({ line: 4, column: 5, key: "gates[0].rum" })]),
      },
    });
  });

  test("a backend's setting that its manifest does not know", async () => {
    const configSchema = { type: "object", properties: { script: { type: "string" } }, additionalProperties: false };
    const capabilities = { resume: false, usage: false, plan: false, model: false };
    const manifest = {
      manifestVersion: 1 as const,
      name: "checked",
      version: "1",
      summary: "",
      capabilities,
      configSchema,
      secrets: [],
      image: { npm: [], apt: [] },
    };
    const body = {
      workerId: newId(),
      name: "w",
      slots: 1,
      verifySlots: 1,
      capabilities: ["backend:checked", "backend:script", "backend:codex"],
      backends: [manifest],
      sandbox: "none" as const,
      version: "0",
    };
    await server.client("worker").call("registerWorker", { body });
    await expect(server.submit(repo, { backend: "nope" })).rejects.toMatchObject({
      code: "BACKEND_NOT_INSTALLED",
      details: { known: ["checked", "codex", "script"] },
    });
    await expect(server.submit(repo, { backend: "checked", backendConfig: { script: 1 } })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      details: { field: "backendConfig.script", value: 1 },
    });
    await expect(server.submit(repo, { backend: "checked", backendConfig: { scrip: "x" } })).rejects.toMatchObject({
      details: { field: "backendConfig.scrip" },
    });
    expect((await server.submit(repo, { backend: "checked", backendConfig: { script: "x" } })).backend).toBe("checked");
  });

  test("what a job asks of its agent and the backend does not do", async () => {
    const capabilities = { resume: false, usage: false, plan: false, model: false };
    const rest = { manifestVersion: 1 as const, version: "1", summary: "", configSchema: {}, secrets: [], image: {} };
    const backends = [
      { ...rest, name: "plain", capabilities },
      { ...rest, name: "able", capabilities: { ...capabilities, mcp: true, permissions: true } },
    ];
    const common = { name: "able", slots: 1, verifySlots: 1, sandbox: "none" as const, version: "0" };
    await server.client("worker").call("registerWorker", { body: { ...common, workerId: newId(), capabilities: ["backend:plain", "backend:able"], backends } });
    const mcpServers = { tracker: { command: "tracker-mcp", secrets: { TOKEN: "MCP_TRACKER" } } };
    await expect(server.submit(repo, { backend: "plain", mcpServers })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      details: { field: "mcpServers", expected: "a backend with the capability mcp", able: ["able"] },
    });
    await expect(server.submit(repo, { backend: "plain", permissions: "deny" })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      details: { field: "permissions", value: "deny" },
    });
    expect(await server.submit(repo, { backend: "plain" })).toMatchObject({ permissions: "allow", mcpServers: {} });
    const { id } = await server.submit(repo, { backend: "able", mcpServers, permissions: "edits" });
    const full = { tracker: { ...mcpServers.tracker, args: [], env: {} } };
    expect((await server.client("viewer").call("getJob", { params: { job: id } })).job).toMatchObject({ permissions: "edits", mcpServers: full });
    await server.client("submitter").call("cancelJob", { params: { job: id }, body: {} });
    expect((await server.client("submitter").call("retryJob", { params: { job: id }, body: {} })).job).toMatchObject({
      permissions: "edits",
      mcpServers: full,
    });
  });
});

describe("jobs", () => {
  test("a submission is resolved: title, base, backend, target", async () => {
    const { view, source } = await server.repository({ ".slipway.yaml": "backend: codex\n" });
    const job = await server.submit(view.name, { task: "\n  Répare les tests!\nand more", requires: ["os:linux"] });
    expect(job).toMatchObject({
      title: "Répare les tests!",
      backend: "codex",
      baseOid: await source.head(),
      requires: ["os:linux", "backend:codex"],
      state: "queued",
    });
    expect(job.target).toMatch(/^slipway\/repare-les-tests-[0-9a-f]{6}$/);
  });

  test("the same dedupe key gives the same job while it is active", async () => {
    const body = { repo, task: "t", dedupeKey: "nightly" };
    const first = await server.client("submitter").call("submitJob", { body });
    const second = await server.client("submitter").call("submitJob", { body });
    expect([second.job.id, second.deduplicated]).toEqual([first.job.id, true]);
    await server.client("submitter").call("cancelJob", { params: { job: first.job.id }, body: {} });
    expect((await server.client("submitter").call("submitJob", { body })).deduplicated).toBe(false);
  });

  test("pages hold every job once, newest first", async () => {
    const { view } = await server.repository();
    const made = [];
    for (let index = 0; index < 5; index += 1) made.push((await server.submit(view.id)).number);
    const seen: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await server.client("viewer").call("listJobs", { query: { repo: view.id, limit: 2, ...(cursor === undefined ? {} : { cursor }) } });
      seen.push(...page.jobs.map(({ number }) => number));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(made.reverse());
    expect((await server.client("viewer").call("listJobs", { query: { repo: view.id, state: ["done", "failed"] } })).jobs).toEqual([]);
  });

  test("a final job is submitted again, an active one is not", async () => {
    const submitter = server.client("submitter");
    const job = await server.submit(repo, { task: "again", priority: 7 });
    await expect(submitter.call("retryJob", { params: { job: job.id }, body: {} })).rejects.toMatchObject({ code: "CONFLICT" });
    await submitter.call("cancelJob", { params: { job: job.id }, body: { reason: "no longer wanted" } });
    const again = (await submitter.call("retryJob", { params: { job: job.id }, body: {} })).job;
    expect(again).toMatchObject({ state: "queued", task: "again", priority: 7, baseOid: job.baseOid, target: job.target, retryOf: job.id, attempts: 0 });
    expect(again.id).not.toBe(job.id);
  });

  test("a final job whose dedupe key another active job has is not tried again", async () => {
    const submitter = server.client("submitter");
    const job = await server.submit(repo, { dedupeKey: "weekly" });
    const retry = () => submitter.call("retryJob", { params: { job: job.id }, body: {} });
    await submitter.call("cancelJob", { params: { job: job.id }, body: {} });
    const other = await server.submit(repo, { task: "something else", dedupeKey: "weekly" });
    await expect(retry()).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining(`job ${other.number} has the same dedupe key and is queued`),
      details: { field: "dedupeKey", value: "weekly", job: other.id, jobNumber: other.number, hint: expect.stringContaining("cancel it") },
    });
    await submitter.call("cancelJob", { params: { job: other.id }, body: {} });
    expect((await retry()).job).toMatchObject({ state: "queued", retryOf: job.id, dedupeKey: "weekly" });
  });

  test("waiting for a job's end is woken by it", async () => {
    const job = await server.submit(repo);
    const waiting = server.client("viewer").call("getJob", { params: { job: job.id }, query: { waitMs: 20_000 } });
    await server.client("submitter").call("cancelJob", { params: { job: job.id }, body: {} });
    expect((await waiting).job.state).toBe("cancelled");
  });
});

test("the document of the API names every endpoint, with and without a server", async () => {
  const served = (await server.request("GET", "/v1/openapi.json", { role: null })).body as { paths: Record<string, unknown> };
  expect(Object.keys(served.paths)).toContain("/v1/attempts/{job}/{fence}/finish");
  expect(await openApiDocument()).toEqual(served);
});
