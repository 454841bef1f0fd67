import { request } from "node:http";
import { ROLES } from "@slipway/protocol/accounts";
import { type Endpoint, fillPath } from "@slipway/protocol/endpoint";
import { ENDPOINTS, type EndpointName, PUBLIC_ENDPOINTS, WORKER_SIGNALS_PATH } from "@slipway/protocol/endpoints";
import { newId } from "@slipway/protocol/scalars";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const ID = newId();
const params = { job: ID, fence: 1, name: "log.txt", repo: "nothing", worker: ID, completion: ID, token: ID, call: ID, backend: "script", image: 1 };
const endpoints = Object.entries(ENDPOINTS) as Array<[EndpointName, Endpoint]>;

/** The code that an empty request to the endpoint ends with; what was let in may fail on its body or on what is not there. */
async function knock(endpoint: Endpoint, role: (typeof ROLES)[number] | null): Promise<{ status: number; code: string | undefined }> {
  const body = endpoint.method === "GET" || endpoint.method === "DELETE" ? {} : { body: {} };
  const answer = await server.request(endpoint.method, fillPath(endpoint.path, params), { role, ...body });
  return { status: answer.status, code: (answer.body as { error?: { code: string } }).error?.code };
}

describe.each(endpoints)("%s", (name, endpoint) => {
  test.each(ROLES)("as %s", async (role) => {
    const { code } = await knock(endpoint, role);
    const mayCall = role === "admin" || PUBLIC_ENDPOINTS.includes(name) || endpoint.roles.includes(role);
    if (mayCall) expect(code).not.toBe("FORBIDDEN");
    else expect(code).toBe("FORBIDDEN");
    expect(code).not.toBe("UNAUTHENTICATED");
    expect(code).not.toBe("INTERNAL");
  });

  test("without a token", async () => {
    const { status, code } = await knock(endpoint, null);
    // What is sent is nothing to sign in with.
    if (name === "createSession") expect(status).toBe(400);
    else if (PUBLIC_ENDPOINTS.includes(name)) expect(status).toBe(200);
    else expect([status, code]).toEqual([401, "UNAUTHENTICATED"]);
  });
});

test("a revoked token ends at once, though it was just remembered", async () => {
  const admin = server.client("admin");
  const { token, view } = await admin.call("createToken", { body: { name: "short", role: "viewer" } });
  const headers = { authorization: `Bearer ${token}` };
  expect((await server.request("GET", "/v1/whoami", { headers })).status).toBe(200);
  await admin.call("revokeToken", { params: { token: view.id } });
  expect((await server.request("GET", "/v1/whoami", { headers })).status).toBe(401);
  await expect(admin.call("revokeToken", { params: { token: newId() } })).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a token is over when its time is", async () => {
  const { token } = await server.client("admin").call("createToken", { body: { name: "over", role: "viewer", expiresAt: 1_000 } });
  expect((await server.request("GET", "/v1/whoami", { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
});

test("listings of tokens hold no secret", async () => {
  const { body } = await server.request("GET", "/v1/tokens");
  const text = JSON.stringify(body);
  for (const token of Object.values(server.tokens)) expect(text).not.toContain(token);
  expect(text).not.toMatch(/sha256|[0-9a-f]{64}/);
});

describe("web pages", () => {
  const own = () => server.url;
  test.each([
    ["none", () => undefined, 200],
    ["the server's own", own, 200],
    ["an allowed one", () => "https://board.example", 200],
    ["another site", () => "https://evil.example", 403],
    ["another port of this machine", () => "http://127.0.0.1:1", 403],
    ["a sandboxed page", () => "null", 403],
  ])("origin %s", async (_, origin, status) => {
    const value = origin();
    const answer = await server.request("GET", "/v1/whoami", { headers: value === undefined ? {} : { origin: value } });
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.body).toMatchObject({ error: { code: "ORIGIN_REFUSED", details: { origin: value } } });
  });

  test("a page's WebSocket is refused before the upgrade", async () => {
    for (const path of [fillPath(ENDPOINTS.listEvents.path, { job: ID }), fillPath(WORKER_SIGNALS_PATH, { worker: ID })]) {
      expect(await upgrade(path, { origin: "https://evil.example", authorization: `Bearer ${server.tokens.admin}` })).toBe(403);
      expect(await upgrade(path, {})).toBe(401);
    }
    expect(await upgrade("/v1/nothing", {})).toBe(404);
  });

  test("a name that was pointed at this machine is refused (DNS rebinding)", async () => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    request(`${server.url}/v1/health`, { headers: { host: "evil.example" } }, (response) => resolve(response.resume().statusCode ?? 0))
      .on("error", reject)
      .end();
    expect(await promise).toBe(403);
  });
});

/** The status that an upgrade is answered with. */
async function upgrade(path: string, headers: Record<string, string>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = new WebSocket(server.url.replace("http", "ws") + path, { headers });
  socket.on("unexpected-response", (sent, response) => {
    resolve(response.statusCode ?? 0);
    sent.destroy();
  });
  socket.on("open", () => resolve(101));
  socket.on("error", reject);
  return await promise;
}
