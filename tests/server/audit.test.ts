import { AUDITED_ENDPOINTS, type AuditEntry } from "@slipway/protocol/audit";
import type { Endpoint } from "@slipway/protocol/endpoint";
import { ENDPOINTS, type EndpointName } from "@slipway/protocol/endpoints";
import { newId } from "@slipway/protocol/scalars";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function newest(filter: { job?: string; who?: string; limit?: number } = {}): Promise<AuditEntry[]> {
  return (await server.client("admin").call("listAudit", { query: filter })).entries;
}

test("every endpoint by which a person changes something is audited, and no endpoint of the hot paths", () => {
  const changing = (Object.entries(ENDPOINTS) as Array<[EndpointName, Endpoint]>)
    .filter(([, { method, roles }]) => method !== "GET" && roles.every((role) => role === "submitter"))
    .map(([name]) => name);
  expect(changing.toSorted()).toEqual([...AUDITED_ENDPOINTS].toSorted());
});

test("each change is kept with who, what and where from", async () => {
  const admin = server.client("admin");
  const submitter = server.client("submitter");
  const { view, source } = await server.repository();
  const job = await server.submit(view.name);
  await submitter.call("cancelJob", { params: { job: job.number }, body: {} });
  const { job: again } = await submitter.call("retryJob", { params: { job: job.id }, body: {} });
  await submitter.call("syncBranch", { params: { repo: view.name }, body: { branch: "main", oid: job.baseOid } });
  await admin.call("updateRepository", { params: { repo: view.name }, body: { maxRunning: 3 } });
  const fetched = await submitter.call("createRepository", { body: { name: `fetched ${newId()}`, url: source.root } });
  await submitter.call("syncRepository", { params: { repo: fetched.id }, body: {} });
  const worker = await server.worker();
  await admin.call("drainWorker", { params: { worker }, body: {} });
  const { view: token } = await admin.call("createToken", { body: { name: "ci", role: "viewer" } });
  await admin.call("revokeToken", { params: { token: token.id } });

  const rows = (await newest({ limit: 100 })).toReversed();
  const told = rows.slice(rows.findIndex(({ action }) => action === "submitJob"));
  expect(told.map(({ action, token: by, object, outcome }) => [action, by?.name, object?.name, outcome])).toEqual([
    ["submitJob", "submitter", String(job.number), "ok"],
    ["cancelJob", "submitter", String(job.number), "ok"],
    ["retryJob", "submitter", String(job.number), "ok"],
    ["syncBranch", "submitter", view.name, "ok"],
    ["updateRepository", "admin of this machine", view.name, "ok"],
    ["createRepository", "submitter", fetched.name, "ok"],
    ["syncRepository", "submitter", fetched.name, "ok"],
    ["drainWorker", "admin of this machine", `worker-${worker.slice(-4)}`, "ok"],
    ["createToken", "admin of this machine", "ci", "ok"],
    ["revokeToken", "admin of this machine", "ci", "ok"],
  ]);
  for (const row of told) expect(row).toMatchObject({ address: "127.0.0.1", token: { id: expect.any(String), role: expect.any(String) }, count: 1 });
  expect(told[2]?.madeJob).toBe(again.number);

  // Whoever may read the job sees who did something with it, without an address.
  const { acts } = await server.client("viewer").call("getJob", { params: { job: again.number } });
  expect(acts).toMatchObject([{ action: "retryJob", by: { name: "submitter", role: "submitter" }, job: job.number, madeJob: again.number }]);
  expect(acts[0]).not.toHaveProperty("address");
});

test("a change that ends with an error is kept with its code, and nothing of its body", async () => {
  const submitter = server.client("submitter");
  const { view } = await server.repository();
  const job = await server.submit(view.name);
  await submitter.call("cancelJob", { params: { job: job.number }, body: {} });
  await expect(submitter.call("submitJob", { body: { repo: "nowhere", task: "a secret task" } })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await server.request("POST", "/v1/jobs", { role: "submitter", body: { task: 5, secret: "a secret task" } });
  await server.request("POST", "/v1/jobs/no-job/cancel", { role: "submitter", body: {} });
  await expect(submitter.call("cancelJob", { params: { job: 99_999 }, body: {} })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(server.client("admin").call("revokeToken", { params: { token: newId() } })).rejects.toMatchObject({ code: "NOT_FOUND" });
  const rows = (await newest({ limit: 5 })).toReversed();
  expect(rows.map(({ action, object, outcome }) => [action, object?.name, outcome])).toEqual([
    ["submitJob", undefined, "NOT_FOUND"],
    ["submitJob", undefined, "INVALID_REQUEST"],
    ["cancelJob", "no-job", "INVALID_REQUEST"],
    ["cancelJob", "99999", "NOT_FOUND"],
    ["revokeToken", expect.any(String), "NOT_FOUND"],
  ]);
  expect(JSON.stringify(await newest({ limit: 200 }))).not.toContain("a secret task");
  expect((await newest({ job: String(job.number) })).map(({ action }) => action)).toEqual(["cancelJob", "submitJob"]);
});

test("calls without a good token or role are counted", async () => {
  const { view } = await server.client("admin").call("createToken", { body: { name: "nosy", role: "viewer" } });
  const path = `/v1/jobs?limit=1&secret=${view.id}`;
  for (let call = 0; call < 3; call += 1) await server.request("GET", path, { role: null });
  for (let call = 0; call < 2; call += 1) await server.request("POST", "/v1/jobs", { role: "viewer", body: {} });
  const rows = await newest({ limit: 200 });
  const sum = (outcome: string, action: string) =>
    rows.filter((row) => row.outcome === outcome && row.action === action).reduce((total, { count }) => total + count, 0);
  expect(sum("UNAUTHENTICATED", "listJobs")).toBe(3);
  expect(sum("FORBIDDEN", "submitJob")).toBe(2);
  expect(rows.find(({ outcome }) => outcome === "FORBIDDEN")).toMatchObject({ token: { name: "viewer", role: "viewer" }, address: "127.0.0.1", object: null });
  expect(rows.find(({ outcome }) => outcome === "UNAUTHENTICATED")).toMatchObject({ token: null, address: "127.0.0.1" });
});

test("a restart loses none of the counts", async () => {
  const count = async () => (await newest({ limit: 200 })).filter(({ action }) => action === "whoami").reduce((total, row) => total + row.count, 0);
  const before = await count();
  await server.request("GET", "/v1/whoami", { role: null });
  await server.restart();
  expect(await count()).toBe(before + 1);
});

test("the audit comes in pages, for admins alone", async () => {
  const admin = server.client("admin");
  const seen: number[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await admin.call("listAudit", { query: { limit: 3, ...(cursor === undefined ? {} : { cursor }) } });
    seen.push(...page.entries.map(({ seq }) => seq));
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  expect(seen).toEqual((await newest({ limit: 200 })).map(({ seq }) => seq));
  await expect(server.client("submitter").call("listAudit", {})).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(admin.call("listAudit", { query: { job: "99999" } })).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a raised limit lets a waiting claim go at once", async () => {
  // Of its own: jobs of the tests above are still queued.
  await using own = await TestServer.start();
  const { view } = await own.repository();
  await own.client("admin").call("updateRepository", { params: { repo: view.id }, body: { maxRunning: 1 } });
  await own.submit(view.name, { requires: ["raised"] });
  const second = await own.submit(view.name, { requires: ["raised"] });
  const worker = await own.worker(["backend:script", "raised"]);
  expect((await own.claim(worker))?.job.repo.id).toBe(view.id);
  const waiting = own.claim(worker, { waitMs: 30_000 });
  const raised = await own.client("admin").call("updateRepository", { params: { repo: view.id }, body: { maxRunning: 2 } });
  expect(raised).toMatchObject({ maxRunning: 2, running: 1 });
  expect((await waiting)?.job.id).toBe(second.id);
  await expect(own.client("admin").call("updateRepository", { params: { repo: view.id }, body: {} })).rejects.toMatchObject({ code: "INVALID_REQUEST" });
});
