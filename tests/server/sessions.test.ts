import { CSRF_HEADER, SESSION_TTL_MS, type SessionView } from "@slipway/protocol/session";
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

interface SignedIn {
  readonly view: SessionView;
  readonly setCookie: string;
  /** As a browser sends it. */
  readonly cookie: string;
}

async function signIn(body: object, headers: Record<string, string> = {}): Promise<SignedIn> {
  const response = await fetch(`${server.url}/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: server.url, ...headers },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  const setCookie = response.headers.get("set-cookie") ?? "";
  return { view: (await response.json()) as SessionView, setCookie, cookie: setCookie.split(";")[0] ?? "" };
}

/** A request as our own page makes it, or somebody else's. */
async function asPage(method: string, path: string, { cookie, ...rest }: { cookie: string; csrf?: string | null; origin?: string; body?: unknown }) {
  return await server.request(method, path, {
    role: null,
    headers: { cookie, origin: rest.origin ?? server.url, ...(rest.csrf == null ? {} : { [CSRF_HEADER]: rest.csrf }) },
    ...(rest.body === undefined ? {} : { body: rest.body }),
  });
}

test("a token is exchanged for a cookie that no page can read, and is not in the answer", async () => {
  const { view, setCookie, cookie } = await signIn({ token: server.tokens.viewer });
  expect(view).toMatchObject({ name: "viewer", role: "viewer" });
  expect(view.expiresAt).toBeGreaterThan(Date.now() + SESSION_TTL_MS - 60_000);
  expect(setCookie).toMatch(/; HttpOnly/);
  expect(setCookie).toMatch(/; SameSite=Strict/);
  expect(setCookie).toMatch(/; Path=\//);
  expect(setCookie).not.toMatch(/Secure/);
  expect(setCookie + JSON.stringify(view)).not.toContain(server.tokens.viewer);
  expect(await asPage("GET", "/v1/session", { cookie })).toMatchObject({ status: 200, body: { ...view } });
  // A token needs none of this.
  expect((await server.request("GET", "/v1/session", { role: "viewer" })).body).toMatchObject({ name: "viewer", csrfToken: null });
});

test("behind a proxy that speaks TLS the cookie stays off plain HTTP", async () => {
  expect((await signIn({ token: server.tokens.viewer }, { "x-forwarded-proto": "https" })).setCookie).toMatch(/; Secure/);
});

test("what changes something needs the session's CSRF token, which another session's is not", async () => {
  const repo = (await server.repository()).view.id;
  const one = await signIn({ token: server.tokens.submitter });
  const two = await signIn({ token: server.tokens.submitter });
  expect(one.view.csrfToken).not.toBe(two.view.csrfToken);
  const body = { repo, task: "Do it" };
  for (const csrf of [null, "", "nonsense", two.view.csrfToken]) {
    expect(await asPage("POST", "/v1/jobs", { ...one, csrf, body })).toMatchObject({
      status: 403,
      body: { error: { code: "CSRF_REFUSED", details: { header: CSRF_HEADER } } },
    });
  }
  expect(await asPage("POST", "/v1/jobs", { ...one, csrf: one.view.csrfToken, body })).toMatchObject({ status: 200 });
  // Reading does without.
  expect(await asPage("GET", "/v1/jobs", { ...one })).toMatchObject({ status: 200 });
});

test("another site's page gets nowhere with the cookie", async () => {
  const { cookie, view } = await signIn({ token: server.tokens.admin });
  for (const origin of ["https://evil.example", "null", "http://127.0.0.1:1"]) {
    expect(await asPage("GET", "/v1/jobs", { cookie, origin })).toMatchObject({ status: 403, body: { error: { code: "ORIGIN_REFUSED" } } });
    expect(await asPage("POST", "/v1/tokens", { cookie, origin, csrf: view.csrfToken, body: { name: "x", role: "admin" } })).toMatchObject({ status: 403 });
  }
});

test("the role is the token's own", async () => {
  const { cookie, view } = await signIn({ token: server.tokens.viewer });
  expect(await asPage("POST", "/v1/tokens", { cookie, csrf: view.csrfToken, body: { name: "x", role: "admin" } })).toMatchObject({
    status: 403,
    body: { error: { code: "FORBIDDEN" } },
  });
});

test("a header with a token counts before the cookie", async () => {
  const { cookie } = await signIn({ token: server.tokens.admin });
  expect((await server.request("GET", "/v1/whoami", { role: "viewer", headers: { cookie } })).body).toMatchObject({ role: "viewer" });
  expect((await server.request("GET", "/v1/whoami", { role: null, headers: { cookie, authorization: "Bearer slip_wrong" } })).status).toBe(401);
});

describe("sign-in codes", () => {
  test("a code signs in once, as the token that made it", async () => {
    const { code } = await server.client("submitter").call("createSignInCode", { body: {} });
    expect((await signIn({ code })).view).toMatchObject({ name: "submitter", role: "submitter" });
    const again = await server.request("POST", "/v1/session", { role: null, body: { code } });
    expect(again).toMatchObject({ status: 401, body: { error: { code: "UNAUTHENTICATED", hint: expect.stringContaining("slipway open") } } });
  });

  test("the code of a token that was revoked since signs nobody in", async () => {
    const admin = server.client("admin");
    const { token, view } = await admin.call("createToken", { body: { name: "short", role: "viewer" } });
    const made = await server.request("POST", "/v1/sign-in-codes", { role: null, headers: { authorization: `Bearer ${token}` }, body: {} });
    await admin.call("revokeToken", { params: { token: view.id } });
    const { code } = made.body as { code: string };
    expect((await server.request("POST", "/v1/session", { role: null, body: { code } })).status).toBe(401);
  });
});

test.each([[{}], [{ token: "" }], [{ token: "a", code: "b" }], [{ token: 1 }]])("%j is no way to sign in", async (body) => {
  expect(await server.request("POST", "/v1/session", { role: null, body })).toMatchObject({ status: 400, body: { error: { code: "INVALID_REQUEST" } } });
});

test("signing out ends the session everywhere, and no other one", async () => {
  const one = await signIn({ token: server.tokens.viewer });
  const other = await signIn({ token: server.tokens.viewer });
  expect(await asPage("DELETE", "/v1/session", { ...one })).toMatchObject({ status: 403 });
  expect(await asPage("DELETE", "/v1/session", { ...one, csrf: one.view.csrfToken })).toMatchObject({ status: 200 });
  expect(await asPage("GET", "/v1/session", { ...one })).toMatchObject({ status: 401, body: { error: { hint: expect.stringContaining("slipway open") } } });
  expect(await asPage("GET", "/v1/session", { ...other })).toMatchObject({ status: 200 });
  expect(await server.request("DELETE", "/v1/session", { role: "viewer" })).toMatchObject({ status: 409, body: { error: { code: "CONFLICT" } } });
});

test("sessions outlive the server, and end with their token", async () => {
  const admin = server.client("admin");
  const { token, view } = await admin.call("createToken", { body: { name: "passing", role: "viewer" } });
  const { cookie } = await signIn({ token });
  await server.restart();
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/changes`, { headers: { cookie, origin: server.url } });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("message", resolve));
  expect(await asPage("GET", "/v1/session", { cookie })).toMatchObject({ status: 200 });
  await server.client("admin").call("revokeToken", { params: { token: view.id } });
  expect(await closed).toBe(1008);
  expect(await asPage("GET", "/v1/session", { cookie })).toMatchObject({ status: 401 });
});

test("the audit names who signed in, and counts who could not", async () => {
  await signIn({ token: server.tokens.submitter });
  await server.request("POST", "/v1/session", { role: null, body: { token: "slip_wrong" } });
  const { entries } = await server.client("admin").call("listAudit", { query: { action: ["createSession"] } });
  expect(entries).toContainEqual(expect.objectContaining({ action: "createSession", token: expect.objectContaining({ name: "submitter" }), outcome: "ok" }));
});
