import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestServer } from "./server-harness.ts";

let folder: string;
let server: TestServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-dashboard-"));
  await mkdir(join(folder, "dist/assets"), { recursive: true });
  await writeFile(join(folder, "dist/index.html"), "<!doctype html><title>Slipway</title>");
  await writeFile(join(folder, "dist/favicon.svg"), "<svg/>");
  await writeFile(join(folder, "dist/assets/index-1a2b.js"), "export {};");
  await writeFile(join(folder, "secret.txt"), "not for browsers");
  server = await TestServer.start({ dashboard: join(folder, "dist") });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const get = async (path: string, headers: Record<string, string> = {}) => await fetch(server.url + path, { headers, redirect: "manual" });

test.each(["/", "/jobs", "/jobs/12", "/jobs/12/log?line=3", "/repositories/a%2Fb", "/sign-in", "/settings"])(
  "%s is the page, without a token",
  async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    expect(await answer.text()).toContain("<title>Slipway</title>");
  },
);

test("the page runs nothing but the server's own scripts and styles, in no frame", async () => {
  for (const path of ["/", "/assets/index-1a2b.js", "/favicon.svg"]) {
    const { headers } = await get(path);
    const policy = Object.fromEntries((headers.get("content-security-policy") ?? "").split("; ").map((rule) => [rule.split(" ")[0], rule.split(" ").slice(1)]));
    expect(policy).toMatchObject({
      "default-src": ["'none'"],
      "script-src": ["'self'"],
      "style-src": ["'self'"],
      "connect-src": ["'self'"],
      "base-uri": ["'none'"],
      "form-action": ["'none'"],
      "frame-ancestors": ["'none'"],
      "require-trusted-types-for": ["'script'"],
    });
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  }
});

test("files that carry a digest are kept by browsers for ever", async () => {
  const answer = await get("/assets/index-1a2b.js");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toMatch(/javascript/);
  expect(answer.headers.get("cache-control")).toContain("immutable");
});

test.each([
  "/assets/../../secret.txt",
  "/assets/..%2f..%2fsecret.txt",
  "/assets/%2e%2e/%2e%2e/secret.txt",
  "/assets/..%5c..%5csecret.txt",
  "/jobs/../../secret.txt",
  "/secret.txt",
  "/assets/",
  "/assets/missing.js",
])("%s is nothing that is served", async (path) => {
  const answer = await get(path);
  expect(await answer.text()).not.toContain("not for browsers");
  expect(answer.status).toBeGreaterThanOrEqual(path.startsWith("/jobs") ? 200 : 400);
});

describe("the API stays what it is", () => {
  test.each(["/v1/nothing", "/v1/jobs/", "/git/nothing", "/nothing", "/index.html"])("%s is no page", async (path) => {
    const answer = await get(path, { accept: "text/html" });
    expect([401, 404, 400]).toContain(answer.status);
    expect(await answer.json()).toMatchObject({ error: { code: expect.stringMatching(/NOT_FOUND|UNAUTHENTICATED|INVALID_REQUEST/) } });
  });

  test("another site's page gets neither page nor file", async () => {
    expect((await get("/", { origin: "https://evil.example" })).status).toBe(403);
  });
});

test("a server whose dashboard is not built says what to type, and does all else", async () => {
  await using other = await TestServer.start({ dashboard: join(folder, "nothing") });
  const answer = await fetch(`${other.url}/jobs`);
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain("npm run build");
  expect((await fetch(`${other.url}/v1/health`)).status).toBe(200);
});
